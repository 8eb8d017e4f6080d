#pragma once

namespace chainrule {

// The logical CPUs this process may run on: its affinity mask on Linux, all of them elsewhere. At least 1.
int usable_threads();

}  // namespace chainrule
