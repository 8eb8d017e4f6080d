#pragma once

// Convolution with 3 x 3 taps by Winograd's minimal filtering: tiles of 4 x 4 inputs, 2 apart, are transformed,
// multiplied by the transformed kernel (pack_winograd) at each of the 16 places, and transformed back to 2 x 2 outputs.
// An infinity reaches the other outputs of its tile as NaN, so a program asks for this by a flag.

#include "block.hpp"
#include "images.hpp"
#include "winograd_tiles.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

struct Arrays {
    float* y;
    const float *x, *panels, *bias;
};

struct Winograd {
    const Conv& conv;
    const WinogradPlan& plan;
    const Arrays& arrays;
    float *const inputs, *const products, *const zeros;  // in the workspace

    Winograd(const Conv& conv, const WinogradPlan& plan, const Arrays& arrays, float* workspace)
        : conv(conv), plan(plan), arrays(arrays), inputs(workspace), products(inputs + places * plan.input_place),
          zeros(products + places * plan.product_place) {
        clear(zeros, conv.c);
    }

    // inputs[place][tile][c]
    void transform_block(Int first, Int count) const {
        for (Int number = 0; number < count; ++number)
            transform_inputs({conv, tile_of(plan.tiles, first + number), arrays.x, zeros}, conv.c,
                             {inputs + number * plan.input_row, plan.input_place, panel_width});
    }

    // products[place][tile][columns] from panels[panel][place][c][16]
    void multiply_places(Int count, Int column, Int columns) const {
        Product product;
        product.rows = count, product.columns = columns;
        product.a_row = plan.input_row, product.b_panel = places * conv.c * panel_width, product.c_row = columns;
        const Int parts = parts_of(conv.c, block_k);
        for (Int place = 0; place < places; ++place) {
            product.c = products + place * plan.product_place;
            for (Int part = 0; part < parts; ++part) {
                const Int k = conv.c * part / parts;
                product.a = inputs + place * plan.input_place + k;
                product.b = arrays.panels + (places * column + place * panel_width) * conv.c + k * panel_width;
                product.k = conv.c * (part + 1) / parts - k;
                product.add = part > 0;
                multiply(product);
            }
        }
    }

    void store_output(const Tile& at, Int i, Int j, Int column, Vector value) const {
        if (at.row + i >= conv.vertical.out || at.column + j >= conv.horizontal.out) return;
        if (arrays.bias) value += load(arrays.bias + column);
        if (conv.flags & apply_relu) value = value < Vector{} ? Vector{} : value;
        const Int row = at.image * conv.vertical.out + at.row + i;
        store(arrays.y + (row * conv.horizontal.out + at.column + j) * conv.y_stride + column, value);
    }

    void transform_products(Int first, Int count, Int column, Int columns) const {
        for (Int number = 0; number < count; ++number) {
            const Tile place = tile_of(plan.tiles, first + number);
            for (Int i = 0; i < columns; i += lanes) {
                const float* from = products + number * columns + i;
                Four rows[2];
                for (int j = 0; j < 4; ++j) {
                    const Two both = of_products(load_four(from + j * plan.product_place, 4 * plan.product_place));
                    rows[0].at[j] = both.at[0], rows[1].at[j] = both.at[1];
                }
                for (int row = 0; row < 2; ++row) {
                    const Two both = of_products(rows[row]);
                    store_output(place, row, 0, column + i, both.at[0]);
                    store_output(place, row, 1, column + i, both.at[1]);
                }
            }
        }
    }

    void run(Int images) const {
        const Int all = images * plan.tiles.in_image, blocks = parts_of(all, plan.block);
        for (Int block = 0; block < blocks; ++block) {
            const Int first = all * block / blocks, count = all * (block + 1) / blocks - first;
            const Int step = panel_width * panels_at_once(count);
            transform_block(first, count);
            for (Int column = 0; column < conv.o; column += step) {
                const Int columns = least(step, conv.o - column);
                multiply_places(count, column, columns);
                transform_products(first, count, column, columns);
            }
        }
    }
};

void convolve_by_winograd(const Conv& conv, const Arrays& arrays, Int images, float* workspace) {
    const WinogradPlan plan(conv, images);
    Winograd(conv, plan, arrays, workspace).run(images);
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
