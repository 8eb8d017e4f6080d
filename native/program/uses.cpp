#include "../kernels/loop_shape.hpp"
#include "code.hpp"

namespace chainrule {
namespace {

constexpr Use byte_in{false, 1}, float_in{false, 4}, int64_in{false, 8};
constexpr Use byte_out{true, 1}, float_out{true, 4}, int64_out{true, 8};

Use use_of(Load load) {
    switch (load) {
        case Load::full_bool:
        case Load::column_bool: return byte_in;
        case Load::column_int64:
        case Load::scalar_int64:
        case Load::scalar_raw: return int64_in;
        default: return float_in;
    }
}

Use use_of(Store store) {
    switch (store) {
        case Store::full_bool: return byte_out;
        case Store::column_int64: return int64_out;
        default: return float_out;
    }
}

std::vector<Use> uses_of_loop(const LoopCode& code) {
    std::vector<Use> uses;
    for (Int i = 0; i < code.inputs; ++i) {
        const auto load = static_cast<Load>(code.input[i].load);
        if (has_operand(load)) uses.push_back(use_of(load));
    }
    for (Int i = 0; i < code.outputs; ++i) uses.push_back(use_of(static_cast<Store>(code.output[i].store)));
    return uses;
}

}  // namespace

std::vector<Use> uses_of(const Instruction& instruction) {
    if (instruction.kind == Kind::loop) return uses_of_loop(LoopCode(instruction.ints.data()));
    std::vector<Use> uses(instruction.operands.size(), float_in);
    uses[0] = float_out;
    switch (instruction.kind) {
        case Kind::moments: uses[1] = float_out; break;
        case Kind::max_pool:
            if (uses.size() > 2) uses[2] = byte_out;
            break;
        case Kind::pool_scatter:
        case Kind::pool_gather: uses[2] = byte_in; break;
        case Kind::copy:
            if (instruction.ints[0] == 1) uses = {byte_out, byte_in};
            break;
        default: break;
    }
    return uses;
}

}  // namespace chainrule
