#pragma once

#include <string>
#include <vector>

namespace chainrule {

constexpr int operand_floats = 256;  // what any path's multiply_add reads

// Does `rounds` rounds of float32 multiply-adds on `ones`, operand_floats ones, and returns how many it did. Up to 2^19
// rounds float32 holds the count exactly.
using MultiplyAdd = double (*)(const float* ones, int rounds);

// The kernels of one instruction set.
struct Path {
    std::string name;
    std::vector<std::string> needs;  // CPU features, as in cpu_features()
    MultiplyAdd multiply_add;
};

// The paths that this build has and this CPU can run, best first.
std::vector<Path> usable_paths();

}  // namespace chainrule
