#include "without_gil.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

namespace nb = nanobind;

namespace chainrule {
namespace {

std::atomic<bool> ending{false};
std::atomic<int> asking{0};  // threads that found that Python goes on and now ask for the GIL

[[noreturn]] void wait_for_the_end() {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// Runs with the GIL, behind the threads that Python waits for. Whoever asks for the GIL by now gets it first.
void python_ends() {
    ending.store(true);
    PyThreadState* state = PyEval_SaveThread();
    while (asking.load() > 0) std::this_thread::yield();
    PyEval_RestoreThread(state);
}

}  // namespace

void watch_the_end_of_python() {
    nb::module_::import_("atexit").attr("register")(nb::cpp_function(&python_ends));
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] { asking.store(0); });  // a child has only the thread that forked
#endif
}

// Once Python is ending only its last thread can come here, and keeps the GIL.
WithoutGil::WithoutGil() : state_(ending.load() ? nullptr : PyEval_SaveThread()) {}

WithoutGil::~WithoutGil() {
    if (state_ == nullptr) return;
    asking.fetch_add(1);
    if (ending.load()) {
        asking.fetch_sub(1);
        wait_for_the_end();
    }
    PyEval_RestoreThread(state_);
    asking.fetch_sub(1);
}

}  // namespace chainrule
