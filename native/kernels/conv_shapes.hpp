#pragma once

// The geometry of conv and conv_kernel, one axis at a time, and how their work is cut into pieces that stay in cache.

#include "shapes.hpp"

namespace chainrule {
namespace {

constexpr Int floor_div(Int a, Int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
constexpr Int ceil_div(Int a, Int b) { return -floor_div(-a, b); }
constexpr Int greatest_divisor(Int a, Int b) { return b == 0 ? a : greatest_divisor(b, a % b); }

// Places at equal distances: taps of the kernel and the entries of the input they meet (or outputs and inputs).
struct Matches {
    Int count, first, step, index, index_step;
};

// One axis of a convolution: output p meets input (p * stride + tap * dilation - before) / up, where that is whole and
// inside; everything else is zero.
struct Axis {
    Int size, out, taps, stride, dilation, before, up;

    Int reach(Int p, Int tap) const { return p * stride + tap * dilation - before; }
    // The least and the greatest input that outputs [from, to) could meet, inside the image or not.
    Int lowest(Int from) const { return ceil_div(reach(from, 0), up); }
    Int highest(Int to) const { return floor_div(reach(to - 1, taps - 1), up); }
    // How many inputs at most any `outputs` neighbouring outputs meet.
    Int span(Int outputs) const {
        return outputs == 0 ? 0 : ((outputs - 1) * stride + (taps - 1) * dilation) / up + 1;
    }
    // Outputs p and p + period meet the same taps.
    Int period() const { return up == 1 ? 1 : up / greatest_divisor(stride, up); }

    // The taps in [from, to) that output p meets; with `inside`, only those inside the image.
    Matches taps_of(Int p, Int from, Int to, bool inside) const {
        Matches m{0, from, 1, reach(p, from), dilation};
        if (up > 1) {
            m.step = up / greatest_divisor(dilation, up);
            m.index_step = m.step * dilation / up;
            while (m.first < to && reach(p, m.first) % up != 0) ++m.first;
            m.index = floor_div(reach(p, m.first), up);
        }
        m.count = most(0, parts_of(to - m.first, m.step));
        return inside ? clipped(m) : m;
    }
    // The outputs in [from, to) that meet the image through this tap; only for up == 1.
    Matches outputs_of(Int tap, Int from, Int to) const {
        return clipped({to - from, from, 1, reach(from, tap), stride});
    }

  private:
    Matches clipped(Matches m) const {
        const Int skipped = m.index < 0 ? parts_of(-m.index, m.index_step) : 0;
        const Int end = m.index < size ? least(m.count, (size - 1 - m.index) / m.index_step + 1) : 0;
        m.count = most(0, end - skipped);
        m.first += skipped * m.step;
        m.index += skipped * m.index_step;
        return m;
    }
};

struct Conv {
    Axis vertical, horizontal;
    Int c, o;
    Int x_stride, y_stride;  // floats from one pixel of x and of y (or g) to the next
    Int flags;
    static constexpr Int count = 19, kernel_count = 17;

    static Conv of_conv(const Int* i) {
        Conv conv = of_both(i, i + 16);
        conv.vertical.up = i[14], conv.horizontal.up = i[15];
        return conv;
    }
    static Conv of_kernel(const Int* i) { return of_both(i, i + 14); }

    Int image() const { return vertical.size * horizontal.size * x_stride; }  // floats from one to the next
    Int outputs() const { return vertical.out * horizontal.out; }
    Int output_image() const { return outputs() * y_stride; }
    Int taps() const { return vertical.taps * horizontal.taps; }
    bool is_product() const { return is_copy(vertical) && is_copy(horizontal); }

    bool suits_winograd() const {
        return suits_winograd(vertical) && suits_winograd(horizontal) && c > 0 && c % panel_width == 0 &&
               o % panel_width == 0;
    }

  private:
    static Conv of_both(const Int* i, const Int* last) {
        return {{i[0], i[4], i[6], i[8], i[10], i[12], 1}, {i[1], i[5], i[7], i[9], i[11], i[13], 1}, i[2], i[3],
                last[0], last[1], last[2]};
    }
    static bool suits_winograd(const Axis& a) {
        return a.taps == 3 && a.stride == 1 && a.dilation == 1 && a.up == 1;
    }
    static bool is_copy(const Axis& a) {
        return a.taps == 1 && a.stride == 1 && a.before == 0 && a.up == 1 && a.size == a.out;
    }
};

// A stretch of input columns, some of which may lie outside the image.
struct Columns {
    Int low, width;
    bool outside;
    Columns(const Axis& axis, Int from, Int to)
        : low(axis.lowest(from)), width(most(0, axis.highest(to) - low + 1)),
          outside(width > 0 && (low < 0 || low + width > axis.size)) {}
};

// conv works on a few whole images at a time, or on a strip of rows of one: so much input as stays in L2. Only what
// lies left and right of an image is stored as zeros; rows above, below and between are left out of the sums. A copy
// also brings pixels together between which other channels lie.
struct ConvPlan {
    Columns columns;
    bool copies;
    Int images, rows;  // of the output
    Int floats;        // of the copy with zeros, where one is made

    static constexpr Int cache = 48 * 1024;
    ConvPlan(const Conv& conv, Int chunk)
        : columns(conv.horizontal, 0, conv.horizontal.out),
          copies(columns.outside || (conv.x_stride != conv.c && conv.horizontal.taps > 1)) {
        const Axis& vertical = conv.vertical;
        const Int row = most(1, (copies ? columns.width : conv.horizontal.size) * conv.c);
        const Int fitting = cache / row;
        images = most(1, least(chunk, fitting / most(1, vertical.size)));
        rows = vertical.out;
        if (vertical.size > fitting)
            rows = most(1, least(rows, ((fitting - 1) * vertical.up - vertical.span(1)) / vertical.stride));
        floats = copies ? images * least(vertical.size, vertical.span(rows)) * row : 0;
    }
};

// The tiles of 2 x 2 outputs of Winograd's algorithm.
struct WinogradTiles {
    Int across, in_image;
    explicit WinogradTiles(const Conv& conv)
        : across(parts_of(conv.horizontal.out, 2)), in_image(across * parts_of(conv.vertical.out, 2)) {}
};

// Winograd's algorithm (winograd.hpp) works on so many tiles of 2 x 2 outputs at a time that their transforms stay in
// L2. Lines of its 16 arrays at equal places must not fall on each other in L1, so each array is a line longer.
struct WinogradPlan {
    WinogradTiles tiles;
    Int block;
    Int input_row, input_place, product_place;
    Int floats;

    static constexpr Int cache = 128 * 1024, fewest_tiles = 16, line = 16;
    WinogradPlan(const Conv& conv, Int chunk)
        : tiles(conv), block(least(chunk * tiles.in_image, most(fewest_tiles, least(24, cache / (16 * conv.c))))),
          input_row(conv.c % 256 == 0 ? conv.c + line : conv.c),
          input_place(block * input_row + line), product_place(block * 2 * panel_width + line),
          floats(winograd_places * (input_place + product_place) + conv.c) {}
};

// For the kernel's gradient a group of input channels meets a group of g's, so many tiles at a time that what one place
// needs stays in L1 and L2. Sums of longer runs had up to twice the error of the direct kernel's.
struct WinogradKernelPlan {
    WinogradTiles tiles;
    Int all, block;         // tiles of the chunk, and of them at a time
    Int channels, columns;  // in a group
    Int input_place, g_place, sum_place;
    Int floats;

    static constexpr Int most_tiles = 128, most_channels = 64, longest_sum = 48, line = 16;
    WinogradKernelPlan(const Conv& conv, Int chunk)
        : tiles(conv), all(chunk * tiles.in_image), block(even_part(all, most_tiles)),
          channels(panel_width * even_part(conv.c / panel_width, most_channels / panel_width)),
          columns(panel_width * even_part(conv.o / panel_width, most_channels / panel_width)),
          input_place(channels * block + line), g_place(columns * block + line), sum_place(channels * columns + line),
          floats(winograd_places * (input_place + g_place + sum_place) + most(channels, columns)) {}
};

// conv_kernel sums over so many outputs at a time that 16 channels of their inputs and one panel of g stay in L1.
struct KernelPlan {
    Int images, rows, columns;    // of the output
    bool joined;                  // few channels: the taps of a row of the kernel and the channels are one axis
    Int blocks;                   // of channels
    Int input_floats, g_floats;   // of the copies
    Int longest_sum;              // shorter where there is little to add up: it takes no time, and others are as exact

    static constexpr Int cache = 128;
    KernelPlan(const Conv& conv, Int chunk) {
        const Axis &vertical = conv.vertical, &horizontal = conv.horizontal;
        columns = even_part(horizontal.out, cache);
        rows = even_part(vertical.out, most(1, cache / most(1, columns)));
        images = conv.outputs() > cache ? 1 : most(1, least(chunk, cache / most(1, conv.outputs())));
        joined = conv.c < 12 && horizontal.taps > 1 && horizontal.dilation == 1;
        blocks = joined ? 1 : parts_of(conv.c, panel_width);
        const Int width = joined ? horizontal.span(columns) : least(horizontal.size, horizontal.span(columns));
        input_floats = blocks == 1 && !joined ? 0 : images * least(vertical.size, vertical.span(rows)) * width * conv.c;
        g_floats = 2 * panel_width * images * rows * columns;
        longest_sum = chunk * conv.outputs() <= cache ? cache / 2 : cache;
    }
};

}  // namespace
}  // namespace chainrule
