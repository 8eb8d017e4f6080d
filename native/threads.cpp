#include "threads.hpp"

#include <algorithm>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace chainrule {

#ifdef __linux__
namespace {

// A mask for at least `cpus` CPUs; they can be more than a cpu_set_t holds.
std::vector<cpu_set_t> mask_for(int cpus) { return std::vector<cpu_set_t>((cpus - 1) / CPU_SETSIZE + 1); }

}  // namespace

std::vector<int> allowed_cpus() {
    std::vector<int> allowed;
    // The kernel refuses a mask that is shorter than its own, so the mask grows until it fits.
    for (int cpus = CPU_SETSIZE; cpus <= 1 << 20 && allowed.empty(); cpus *= 2) {
        auto mask = mask_for(cpus);
        const auto bytes = mask.size() * sizeof(cpu_set_t);
        if (sched_getaffinity(0, bytes, mask.data()) != 0) continue;
        for (int cpu = 0; cpu < cpus; ++cpu) {
            if (CPU_ISSET_S(cpu, bytes, mask.data())) allowed.push_back(cpu);
        }
    }
    return allowed;
}

void pin_thread(int cpu) {
    auto mask = mask_for(cpu + 1);
    const auto bytes = mask.size() * sizeof(cpu_set_t);
    CPU_SET_S(cpu, bytes, mask.data());
    sched_setaffinity(0, bytes, mask.data());  // a refusal is no harm: the thread then runs where it may
}
#else
std::vector<int> allowed_cpus() { return {}; }
void pin_thread(int) {}
#endif

int usable_threads() {
    const auto allowed = static_cast<int>(allowed_cpus().size());
    return allowed > 0 ? allowed : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace chainrule
