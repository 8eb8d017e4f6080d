#pragma once

#include "paths.hpp"

namespace chainrule {

// The float32 multiply-add rate of `threads` threads together, in GFLOP/s (a multiply-add is two operations): the best
// of five windows, 0.13 s in all. Needs no GIL.
double peak_gflops(const Path& path, int threads);

}  // namespace chainrule
