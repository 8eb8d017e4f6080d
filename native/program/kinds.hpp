#pragma once

// The one list of what an instruction can compute, in the order of Kind: its kernel, its needs and its name in Python
// are called the same.

#include "instruction.hpp"

namespace chainrule {

#define CHAINRULE_KINDS(KIND)                                                                                          \
    KIND(loop) KIND(gemm) KIND(pack) KIND(pack_winograd) KIND(conv) KIND(conv_kernel)                                  \
    KIND(max_pool) KIND(pool_scatter) KIND(pool_gather) KIND(pool_sum) KIND(pool_spread) KIND(copy) KIND(moments)

constexpr Int kind_count = static_cast<Int>(Kind::kinds);

#define CHAINRULE_TEXT(kind) #kind,
constexpr const char* kind_names[] = {CHAINRULE_KINDS(CHAINRULE_TEXT)};
#undef CHAINRULE_TEXT

#define CHAINRULE_VALUE(kind) Kind::kind,
constexpr Kind kinds_in_order[] = {CHAINRULE_KINDS(CHAINRULE_VALUE) Kind::kinds};
#undef CHAINRULE_VALUE

constexpr bool kinds_are_in_order() {
    Int number = 0;
    for (const Kind kind : kinds_in_order) {
        if (static_cast<Int>(kind) != number++) return false;
    }
    return number == kind_count + 1;
}
static_assert(kinds_are_in_order());

}  // namespace chainrule
