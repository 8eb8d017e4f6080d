#pragma once

#include <nanobind/nanobind.h>

namespace chainrule {

// Makes WithoutGil safe to be in when Python ends; to be called once, by the module.
void watch_the_end_of_python();

// Lets go of the GIL while it lives.
//
// When Python ends, a thread that asks for the GIL is stopped inside its request, by an exception that may pass no
// destructor of C++. So the threads that would ask then wait for the process to end instead.
class WithoutGil {
public:
    WithoutGil();
    ~WithoutGil();
    WithoutGil(const WithoutGil&) = delete;

private:
    PyThreadState* state_;
};

}  // namespace chainrule
