#pragma once

// Winograd's minimal filtering along one axis (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016): four products where the definition takes six, for two outputs of three taps, or for three taps' gradients from
// two outputs. Along both axes these are 16 products for 36; each of the 16 is a place.

#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

struct Four {
    Vector at[4];
};

CHAINRULE_INLINE Four load_four(const float* from, Int stride) {
    return {{load(from), load(from + stride), load(from + 2 * stride), load(from + 3 * stride)}};
}

CHAINRULE_INLINE void store_four(float* to, Int stride, const Four& four) {
    store(to, four.at[0]), store(to + stride, four.at[1]);
    store(to + 2 * stride, four.at[2]), store(to + 3 * stride, four.at[3]);
}

// For outputs: of three taps and of four inputs, and from four products to two outputs.
CHAINRULE_INLINE Four of_taps(Vector a, Vector b, Vector c) {
    const Vector half = broadcast(0.5F), outer = half * (a + c), inner = half * b;
    return {{a, outer + inner, outer - inner, c}};
}
CHAINRULE_INLINE Four of_inputs(const Four& d) {
    return {{d.at[0] - d.at[2], d.at[1] + d.at[2], d.at[2] - d.at[1], d.at[1] - d.at[3]}};
}
struct Two {
    Vector at[2];
};
CHAINRULE_INLINE Two of_products(const Four& m) {
    return {{m.at[0] + m.at[1] + m.at[2], m.at[1] - m.at[2] - m.at[3]}};
}

// For gradients: of two outputs' gradients (and of four inputs as above), and from four sums of products to three taps.
CHAINRULE_INLINE Four of_gradients(Vector a, Vector b) { return {{a, a + b, a - b, b}}; }
struct Three {
    Vector at[3];
};
CHAINRULE_INLINE Three of_sums(const Four& m) {
    const Vector half = broadcast(0.5F), middle = half * (m.at[1] + m.at[2]);
    return {{m.at[0] + middle, half * (m.at[1] - m.at[2]), middle - m.at[3]}};
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
