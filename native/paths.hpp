#pragma once

#include <string>
#include <vector>

#include "program/instruction.hpp"

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
    const Kernel* kernels;  // by Kind
};

// The paths that this build has and this CPU can run, best first.
std::vector<Path> usable_paths();

// The one of this name; throws std::invalid_argument where it cannot run here.
Path usable_path(const std::string& name);

}  // namespace chainrule
