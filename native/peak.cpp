#include "peak.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "threads.hpp"

namespace chainrule {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto warm_up = 5ms;  // the threads start, the CPU raises its clock
constexpr auto window = 20ms;
constexpr int windows = 5;
constexpr int rounds = 1 << 14;  // tens of microseconds between two looks at the clock

// The multiply-adds a second of all threads in one window. All threads share its start, and it ends with the last of
// them, so a thread that had to wait for a CPU lowers the rate instead of raising it.
double rate(MultiplyAdd multiply_add, int threads) {
    std::array<float, operand_floats> ones;
    ones.fill(1.0F);
    const auto start = Clock::now() + warm_up, end = start + window;
    // Left alone, the scheduler at times keeps two threads on one CPU for a whole window while another is idle.
    const auto cpus = allowed_cpus();
    const bool one_each = std::cmp_equal(threads, cpus.size());
    const auto work = [&](int index) {
        if (one_each) pin_thread(cpus[index]);
        while (Clock::now() < start) multiply_add(ones.data(), rounds);
        double done = 0;
        do {
            done += multiply_add(ones.data(), rounds);
        } while (Clock::now() < end);
        return std::pair(done, Clock::now());
    };
    std::vector<std::future<std::pair<double, Clock::time_point>>> workers;
    for (int i = 0; i < threads; ++i) workers.push_back(std::async(std::launch::async, work, i));
    double total = 0;
    auto last = end;
    for (auto& worker : workers) {
        const auto [done, finished] = worker.get();
        total += done;
        last = std::max(last, finished);
    }
    return total / std::chrono::duration<double>(last - start).count();
}

}  // namespace

double peak_gflops(const Path& path, int threads) {
    double best = 0;
    for (int i = 0; i < windows; ++i) best = std::max(best, rate(path.multiply_add, threads));
    return 2e-9 * best;
}

}  // namespace chainrule
