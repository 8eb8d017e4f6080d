#include "threads.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace chainrule {
namespace {

#ifdef __linux__
// The kernel refuses a mask that is shorter than its own, so the mask grows until it fits. 0 when it never does.
int affinity() {
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        const auto bytes = CPU_ALLOC_SIZE(cpus);
        std::vector<cpu_set_t> mask(bytes / sizeof(cpu_set_t) + 1);
        if (sched_getaffinity(0, bytes, mask.data()) == 0) return CPU_COUNT_S(bytes, mask.data());
    }
    return 0;
}
#else
int affinity() { return 0; }
#endif

}  // namespace

int usable_threads() {
    const int allowed = affinity();
    return allowed > 0 ? allowed : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace chainrule
