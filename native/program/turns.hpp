#pragma once

#include <mutex>

namespace chainrule {

// A mutex that a fork of the process waits for and takes. So the child finds it free and what it guards in order,
// though another thread may have held it.
class Turns {
public:
    Turns();
    ~Turns();
    Turns(const Turns&) = delete;

    void lock() { mutex_.lock(); }
    bool try_lock() { return mutex_.try_lock(); }
    void unlock() { mutex_.unlock(); }

private:
    std::mutex mutex_;
};

}  // namespace chainrule
