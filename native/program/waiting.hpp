#pragma once

// How the threads of a team wait: they look again and again, then let others have the CPU between two looks, then sleep
// until somebody wakes them up.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace chainrule {

using Clock = std::chrono::steady_clock;

class Waiting {
public:
    // Returns when ready(), which must look at sequentially consistent atomics, says so. `turning` is how long to look
    // without a pause (a thread that sleeps takes some 50 us to wake up), `yielding` how long to look now and then.
    template <typename Ready>
    void until(Ready ready, Clock::duration turning, Clock::duration yielding) {
        if (turn(ready, turning) || yield(ready, yielding)) return;
        sleep(ready);
    }

    bool asleep() const { return asleep_.load(std::memory_order_relaxed); }

    // To be called when what ready() looks at has been changed.
    void wake() {
        if (!asleep_.load() || !asleep_.exchange(false)) return;
        calls_.fetch_add(1);
        calls_.notify_one();
    }

private:
    template <typename Ready>
    static bool turn(Ready ready, Clock::duration time) {
        constexpr int looks = 64;  // between two looks at the clock, which cost more
        if (time == time.zero()) return ready();
        auto end = Clock::time_point::max();
        do {
            for (int i = 0; i < looks; ++i, pause()) {
                if (ready()) return true;
            }
            if (end == Clock::time_point::max()) end = Clock::now() + time;
        } while (Clock::now() < end);
        return false;
    }

    // Where a yield takes long, others want the CPU: who sleeps gets it back sooner than who goes on asking for it.
    template <typename Ready>
    static bool yield(Ready ready, Clock::duration time) {
        constexpr auto long_time = std::chrono::microseconds(100);
        auto before = Clock::now();
        const auto end = before + time;
        while (before < end) {
            if (ready()) return true;
            std::this_thread::yield();
            const auto now = Clock::now();
            if (now - before > long_time) return false;
            before = now;
        }
        return false;
    }

    // Sleeper and waker each write, then read what the other writes, all sequentially consistent. So either the sleeper
    // sees that it need not sleep or the waker sees that it does.
    template <typename Ready>
    void sleep(Ready ready) {
        for (;;) {
            const std::uint32_t calls = calls_.load();
            asleep_.store(true);
            if (ready()) break;
            calls_.wait(calls);
        }
        asleep_.store(false);
    }

    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    std::atomic<bool> asleep_{false};
    std::atomic<std::uint32_t> calls_{0};  // a waiting thread sleeps until it changes
};

}  // namespace chainrule
