#pragma once

// The integers of gemm and pack by name, and how their work is cut. The kernels and their `needs`
// both read this, so that a workspace is as large as its kernel believes.

#include "../program/instruction.hpp"

namespace chainrule {
namespace {

constexpr Int panel_width = 16, winograd_places = 16;

constexpr Int least(Int a, Int b) { return a < b ? a : b; }
constexpr Int most(Int a, Int b) { return a < b ? b : a; }
constexpr Int parts_of(Int whole, Int part) { return (whole + part - 1) / part; }
// The largest of as few parts as there can be of at most `part` each, all of about one size.
constexpr Int even_part(Int whole, Int part) { return whole == 0 ? 0 : parts_of(whole, parts_of(whole, part)); }
// The same in whole fours, as the building block's steps are; part is a multiple of 4.
constexpr Int even_fours(Int whole, Int part) { return parts_of(even_part(whole, part), 4) * 4; }

struct Gemm {
    Int n, k, unit, a_row, a_k, b_panel, b_k, c_row, flags;
    static constexpr Int count = 9;
    explicit Gemm(const Int* i)
        : n(i[0]), k(i[1]), unit(i[2]), a_row(i[3]), a_k(i[4]), b_panel(i[5]), b_k(i[6]), c_row(i[7]), flags(i[8]) {}
};
enum Flags : Int { add_bias = 1, apply_relu = 2, by_winograd = 4 };  // the last one for convolutions alone

// A block of A (rows x k) stays in L2, one panel of B of so many k in L1.
constexpr Int block_rows = 256, block_k = 256, panels_copied = 4;

struct GemmWorkspace {
    Int a, b;  // floats
    GemmWorkspace(Int rows, Int k)
        : a(parts_of(least(rows, block_rows) * least(k, block_k), 16) * 16),
          b(panels_copied * panel_width * least(k, block_k)) {}
    Int bytes() const { return 4 * (a + b); }
};

struct Pack {
    Int n, size[3], stride[3], column_stride, origin;
    static constexpr Int count = 9;
    explicit Pack(const Int* i)
        : n(i[0]), size{i[1], i[2], i[3]}, stride{i[4], i[5], i[6]}, column_stride(i[7]), origin(i[8]) {}
    Int k() const { return size[0] * size[1] * size[2]; }

    // The kernel that pack_winograd transforms, as pack would read it.
    static constexpr Int winograd_count = 7;
    static Pack of_winograd(const Int* i) {
        const Int ints[count] = {i[0], 3, 3, i[1], i[2], i[3], i[4], i[5], i[6]};
        return Pack(ints);
    }
};

}  // namespace
}  // namespace chainrule
