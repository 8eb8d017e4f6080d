#pragma once

// The one building block under every matrix product and convolution: a product summed over runs and sets,
//   C[m, j] (+)= sum over sets, runs, k of A[set, run][m, k] B[set, run][k, j],
// for a few rows and one or two panels of columns at a time, whose sums stay in registers (Georganas et al.,
// "High-Performance Deep Learning via a Single Building Block", 2020). A panel is 16 columns wide on every path.

#include "../program/instruction.hpp"
#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {

struct Product {
    Int rows = 0, columns = 0;  // the part of C that is computed; columns <= 16 * panels_at_once(rows)
    const float* a = nullptr;
    Int a_row = 0, a_k = 1;  // one of the two is 1
    const float* b = nullptr;
    Int b_panel = 0, b_k = 16;  // whole panels are read, also where fewer columns exist
    float* c = nullptr;
    Int c_row = 0;
    Int k = 0;
    Int runs = 1, a_run = 0, b_run = 0;
    Int sets = 1, a_set = 0, b_set = 0;
    Int longest_sum = 128;        // products that are added up in registers; C adds up the sums: less is rounded off
    bool add = false;             // adds to what C holds instead of overwriting it
    const float* bias = nullptr;  // one value a column, added at the end
    bool relu = false;

    Int terms() const { return sets * runs * k; }  // of each sum
};

void multiply(const Product& product);

// A whole matrix product of any size: cut into products whose operands stay in cache, with copies of A and B where
// their strides would make cache lines push each other out. `workspace` holds GemmWorkspace(rows, k).bytes() bytes.
void multiply_matrices(const Product& product, char* workspace);

namespace {

constexpr int panel = 16, panel_vectors = panel / lanes, two_panels = 2 * panel_vectors;

// As many rows of so many vectors as the registers hold next to a row of B and a value of A. AVX-512 and ARM have 32
// registers, the others 16; the baseline has no fused multiply-add, so its products need a register as well.
constexpr int most_rows(Int vectors) {
#if defined(__AVX512F__)
    return vectors > 0 ? 14 : 0;
#elif defined(__aarch64__)
    constexpr int rows[] = {0, 14, 12, 8, 6, 0, 0, 0, 3};
    return rows[vectors];
#else
    constexpr int rows[][9] = {{0, 10, 4}, {0, 12, 6, 0, 3}, {0, 8, 4, 3, 2, 0, 0, 0, 1}};
    return rows[lanes == 16 ? 0 : lanes == 8 ? 1 : 2][vectors];
#endif
}

// Two panels where one would leave most registers idle.
CHAINRULE_INLINE Int panels_at_once(Int rows) { return lanes == 16 || rows <= most_rows(two_panels) ? 2 : 1; }

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
