#include "turns.hpp"

#include <algorithm>
#include <vector>

#include "team.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

namespace chainrule {
namespace {

struct All {
    std::mutex mutex;
    std::vector<Turns*> turns;
};

// Never destroyed: a thread may still be running when the process ends.
All& all() {
    static All* const kept = new All;
    return *kept;
}

#ifndef _WIN32
void take_all() {
    all().mutex.lock();
    for (Turns* turns : all().turns) turns->lock();
}

void release_all() {
    for (Turns* turns : all().turns) turns->unlock();
    all().mutex.unlock();
}

void release_all_in_child() {
    forget_team();
    release_all();
}

void watch_forks() {
    static const int once = pthread_atfork(take_all, release_all, release_all_in_child);
    (void)once;
}
#else
void watch_forks() {}
#endif

}  // namespace

Turns::Turns() {
    watch_forks();
    const std::lock_guard lock(all().mutex);
    all().turns.push_back(this);
}

Turns::~Turns() {
    const std::lock_guard lock(all().mutex);
    std::erase(all().turns, this);
}

}  // namespace chainrule
