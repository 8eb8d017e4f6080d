#pragma once

// The gradient of a convolution with respect to its 3 x 3 taps by Winograd's minimal filtering: the tiles of inputs are
// transformed as in winograd.hpp, those of g from 2 x 2 to 4 x 4; their products are summed over all tiles, a product
// of matrices at each of the 16 places; and the sums are transformed to 3 x 3.

#include "block.hpp"
#include "images.hpp"
#include "winograd_tiles.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

struct GradientArrays {
    float* dk;
    const float *x, *g;
};

// Neighbouring channels of x or g.
struct Group {
    Int first, count;
};

struct WinogradGradient {
    const Conv& conv;
    const WinogradKernelPlan& plan;
    const GradientArrays& arrays;
    float *const inputs, *const gradients, *const sums, *const zeros;  // in the workspace
    const Int step = panel_width * panels_at_once(panel_width);        // columns of one product

    WinogradGradient(const Conv& conv, const WinogradKernelPlan& plan, const GradientArrays& arrays, float* workspace)
        : conv(conv), plan(plan), arrays(arrays), inputs(workspace), gradients(inputs + places * plan.input_place),
          sums(gradients + places * plan.g_place), zeros(sums + places * plan.sum_place) {
        clear(zeros, most(plan.channels, plan.columns));
    }

    // inputs[place][channels / 16][tile][16]
    void transform_x(Group channels, Int first, Int count) const {
        for (Int number = 0; number < count; ++number)
            transform_inputs({conv, tile_of(plan.tiles, first + number), arrays.x + channels.first, zeros},
                             channels.count,
                             {inputs + number * panel_width, plan.input_place, count * panel_width});
    }

    const float* g_pixel(const Tile& tile, Int i, Int j) const {
        const Int row = tile.row + i, column = tile.column + j;
        if (row >= conv.vertical.out || column >= conv.horizontal.out) return nullptr;
        return arrays.g + ((tile.image * conv.vertical.out + row) * conv.horizontal.out + column) * conv.y_stride;
    }

    // gradients[place][columns / 16][tile][16]
    void transform_g(Group columns, Int first, Int count) const {
        for (Int number = 0; number < count; ++number) {
            const Tile tile = tile_of(plan.tiles, first + number);
            const float* g[2][2];
            for (Int i = 0; i < 2; ++i) {
                for (Int j = 0; j < 2; ++j) {
                    const float* pixel = g_pixel(tile, i, j);
                    g[i][j] = pixel ? pixel + columns.first : zeros;
                }
            }
            for (Int column = 0; column < columns.count; column += lanes) {
                float* to = gradients + (column / panel_width * count + number) * panel_width + column % panel_width;
                const Four left = of_gradients(load(g[0][0] + column), load(g[1][0] + column));
                const Four right = of_gradients(load(g[0][1] + column), load(g[1][1] + column));
                for (int i = 0; i < 4; ++i)
                    store_four(to + 4 * i * plan.g_place, plan.g_place, of_gradients(left.at[i], right.at[i]));
            }
        }
    }

    // sums[place][columns / step][channels][step]
    void multiply_places(Int channels, Int columns, Int count, bool add) const {
        Product product;
        product.rows = panel_width, product.k = count, product.add = add;
        product.longest_sum = plan.longest_sum;
        product.a_row = 1, product.a_k = panel_width, product.b_panel = count * panel_width;
        for (Int place = 0; place < places; ++place) {
            for (Int column = 0; column < columns; column += step) {
                product.columns = product.c_row = least(step, columns - column);
                product.b = gradients + place * plan.g_place + column * count;
                for (Int channel = 0; channel < channels; channel += panel_width) {
                    product.a = inputs + place * plan.input_place + channel * count;
                    product.c = sums + place * plan.sum_place + column * channels + channel * product.c_row;
                    multiply(product);
                }
            }
        }
    }

    // Sixteen columns of one channel's sums become its taps'.
    void transform_panel(const float* from, float* to, bool add) const {
        float taps[9][panel_width];
        for (int column = 0; column < panel_width; column += lanes) {
            Four rows[3];
            for (int j = 0; j < 4; ++j) {
                const Three three = of_sums(load_four(from + column + j * plan.sum_place, 4 * plan.sum_place));
                for (int i = 0; i < 3; ++i) rows[i].at[j] = three.at[i];
            }
            for (int i = 0; i < 3; ++i) {
                const Three three = of_sums(rows[i]);
                for (int j = 0; j < 3; ++j) store(taps[3 * i + j] + column, three.at[j]);
            }
        }
        // One tap after the other: their lines in dk may all fall on the same places of the caches.
        for (int tap = 0; tap < 9; ++tap, to += conv.c * conv.o) {
            for (int i = 0; i < panel_width; i += lanes) {
                const Vector sum = load(taps[tap] + i);
                store(to + i, add ? load(to + i) + sum : sum);
            }
        }
    }

    void transform_sums(Group channels, Group columns, bool add) const {
        for (Int column = 0; column < columns.count; column += step) {
            const Int width = least(step, columns.count - column);
            for (Int channel = 0; channel < channels.count; ++channel) {
                const float* from = sums + column * channels.count + channel * width;
                float* to = arrays.dk + (channels.first + channel) * conv.o + columns.first + column;
                for (Int i = 0; i < width; i += panel_width) transform_panel(from + i, to + i, add);
            }
        }
    }

    // Where all tiles are one block, g's transforms stay for the next channels.
    void add_group(Group channels, Group columns, bool add) const {
        const Int blocks = parts_of(plan.all, plan.block);
        for (Int block = 0; block < blocks; ++block) {
            const Int first = plan.all * block / blocks, count = plan.all * (block + 1) / blocks - first;
            if (blocks > 1 || channels.first == 0) transform_g(columns, first, count);
            transform_x(channels, first, count);
            multiply_places(channels.count, columns.count, count, block > 0);
        }
        transform_sums(channels, columns, add);
    }

    void run(bool add) const {
        for (Int column = 0; column < conv.o; column += plan.columns)
            for (Int channel = 0; channel < conv.c; channel += plan.channels)
                add_group({channel, least(plan.channels, conv.c - channel)},
                          {column, least(plan.columns, conv.o - column)}, add);
    }
};

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
