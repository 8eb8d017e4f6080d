#pragma once

// What each kind of instruction touches, and the arithmetic its `needs` are written with.

#include <initializer_list>
#include <stdexcept>
#include <vector>

#include "instruction.hpp"
#include "kinds.hpp"

namespace chainrule {

// loop_needs, gemm_needs, pack_needs, ...: one for each kind.
#define CHAINRULE_DECLARE(kind) Needs kind##_needs(const std::vector<Int>& ints, Int operands, Int rows);
CHAINRULE_KINDS(CHAINRULE_DECLARE)
#undef CHAINRULE_DECLARE

// The function above for a kind (one of Kind, already checked).
NeedsOf needs_of(Kind kind);

// No size, count or index of a program reaches this; two such numbers add without overflow.
constexpr Int too_large = Int{1} << 46;

inline void require(bool holds, const char* otherwise) {
    if (!holds) throw std::invalid_argument(otherwise);
}

inline Int plus(Int a, Int b) {
    Int sum;
    require(!__builtin_add_overflow(a, b, &sum) && sum < too_large && sum > -too_large, "a size is absurdly large");
    return sum;
}

inline Int times(Int a, Int b) {
    Int product;
    require(!__builtin_mul_overflow(a, b, &product) && product < too_large && product > -too_large,
            "a size is absurdly large");
    return product;
}

inline Int product(std::initializer_list<Int> factors) {
    Int all = 1;
    for (const Int factor : factors) all = times(all, factor);
    return all;
}

// Every one of `numbers` in [least, too_large).
inline void require_from(Int least, std::initializer_list<Int> numbers, const char* otherwise) {
    for (const Int number : numbers) require(number >= least && number < too_large, otherwise);
}

}  // namespace chainrule
