#pragma once

#include <vector>

namespace chainrule {

// The numbers of the CPUs that the calling thread may run on: its affinity mask on Linux, empty elsewhere.
std::vector<int> allowed_cpus();

// How many logical CPUs that is; elsewhere all that the machine has. At least 1.
int usable_threads();

// Keeps the calling thread on one CPU. Only Linux does; elsewhere nothing happens.
void pin_thread(int cpu);

}  // namespace chainrule
