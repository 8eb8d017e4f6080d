// Matrix products of any size, and the instruction `gemm`.

#include "block.hpp"
#include "shapes.hpp"
#include "transpose.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

constexpr Int page = 4096 / sizeof(float);

// Whether a copy of A pays. Columns are copied as rows where enough panels use them. Rows whose distance is a multiple
// of (half) a page share a few places of the caches and push each other out.
bool must_copy_a(const Product& product) {
    if (product.a_k == 1) return product.a_row % (page / 2) == 0 && product.columns >= 128 && product.rows > 6;
    return product.a_row != 1 || product.columns > 4 * panel_width;
}

// Whether a copy of B pays: B lies in rows, and many tiles of rows use it.
bool must_copy_b(const Product& product) { return product.b_k != panel_width && product.rows >= 24; }

void copy_a(float* to, const float* from, Int a_row, Int a_k, Int rows, Int k) {
    if (a_row == 1) return transpose(to, k, from, a_k, k, rows);
    for (Int row = 0; row < rows; ++row) {
        if (a_k == 1) std::memcpy(to + row * k, from + row * a_row, static_cast<std::size_t>(k) * sizeof(float));
        else for (Int i = 0; i < k; ++i) to[row * k + i] = from[row * a_row + i * a_k];
    }
}

void copy_b(float* to, const Product& product, Int panels) {
    for (Int k = 0; k < product.k; ++k)
        for (Int panel = 0; panel < panels; ++panel)
            std::memcpy(to + (panel * product.k + k) * panel_width,
                        product.b + panel * product.b_panel + k * product.b_k, panel_width * sizeof(float));
}

// All panels of one block of rows and k.
void multiply_block(Product product, float* b_copy) {
    const Int columns = product.columns, at_once = panels_at_once(product.rows);
    const bool copies = must_copy_b(product);
    const Int group = panel_width * (copies ? panels_copied : parts_of(columns, panel_width));
    for (Int start = 0; start < columns; start += group) {
        Product part = product;
        if (copies) {
            copy_b(b_copy, part, parts_of(least(group, columns - start), panel_width));
            part.b = b_copy, part.b_k = panel_width, part.b_panel = panel_width * part.k;
        }
        for (Int column = start; column < least(start + group, columns); column += at_once * panel_width) {
            part.columns = least(at_once * panel_width, columns - column);
            multiply(part);
            part.b += at_once * part.b_panel;
            part.c += at_once * panel_width;
            if (part.bias) part.bias += at_once * panel_width;
        }
        product.b += panels_copied * product.b_panel;
        product.c += group;
        if (product.bias) product.bias += group;
    }
}

// Few results are summed with more care: it takes no time there, and others sum them in more chains at once.
Int longest_sum(const Product& product) {
    return product.columns <= panel_width ? 64 : product.rows <= 12 ? 128 : block_k;
}

}  // namespace

void multiply_matrices(const Product& product, char* workspace) {
    if (product.rows == 0 || product.columns == 0) return;
    const bool copies = must_copy_a(product), in_one = product.rows <= 12 && !copies;
    const Int row_blocks = parts_of(product.rows, block_rows);
    const Int k_blocks = in_one ? 1 : most(1, parts_of(product.k, block_k));
    float* const a_copy = reinterpret_cast<float*>(workspace);
    float* const b_copy = a_copy + GemmWorkspace(product.rows, product.k).a;
    for (Int i = 0; i < row_blocks; ++i) {
        const Int row = product.rows * i / row_blocks;
        for (Int j = 0; j < k_blocks; ++j) {
            const Int k = product.k * j / k_blocks;
            Product block = product;
            block.rows = product.rows * (i + 1) / row_blocks - row;
            block.k = product.k * (j + 1) / k_blocks - k;
            block.a += row * product.a_row + k * product.a_k;
            block.b += k * product.b_k;
            block.c += row * product.c_row;
            block.add = product.add || j > 0;
            block.longest_sum = longest_sum(product);
            if (j + 1 < k_blocks) block.bias = nullptr, block.relu = false;
            if (copies) {
                copy_a(a_copy, block.a, block.a_row, block.a_k, block.rows, block.k);
                block.a = a_copy, block.a_row = block.k, block.a_k = 1;
            }
            multiply_block(block, b_copy);
        }
    }
}

void gemm(const Call& call) {
    const Gemm gemm(call.ints);
    Product product;
    product.rows = call.rows * gemm.unit, product.columns = gemm.n, product.k = gemm.k;
    product.a = reinterpret_cast<const float*>(call.at[1]), product.a_row = gemm.a_row, product.a_k = gemm.a_k;
    product.b = reinterpret_cast<const float*>(call.at[2]), product.b_panel = gemm.b_panel, product.b_k = gemm.b_k;
    product.c = reinterpret_cast<float*>(call.at[0]), product.c_row = gemm.c_row;
    product.bias = gemm.flags & add_bias ? reinterpret_cast<const float*>(call.at[3]) : nullptr;
    product.relu = gemm.flags & apply_relu;
    multiply_matrices(product, call.workspace);
}

}  // namespace chainrule::CHAINRULE_PATH
