// Convolution: each row of outputs is a product of input pixels, whose channels and neighbours lie one behind the
// other, and the kernel, summed over the kernel's rows.

#include "block.hpp"
#include "images.hpp"
#include "winograd.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// A part of the kernel whose panel stays in L1: some of its rows, of which [part / parts, (part + 1) / parts) of k.
struct Pass {
    Int from, to, part, parts;
    bool first, last;
};

constexpr Int pass_floats = 6 * 1024;
constexpr Int longest_sum = 160;  // of products in registers: 5 x 5 taps of 6 channels, as in LeNet, are one
constexpr Int few_channels = 3;   // of an image: their gradient is summed with more care, it is little work

struct Passes {
    Int row_groups, parts, taps;
    explicit Passes(const Conv& conv) : taps(conv.vertical.taps) {
        const Int row = most(1, conv.horizontal.taps * conv.c * panel_width);
        row_groups = parts_of(taps, most(1, pass_floats / row));
        parts = parts_of(row, pass_floats);
    }
    Int count() const { return row_groups * parts; }
    Pass pass(Int i) const {
        const Int group = i / parts;
        return {taps * group / row_groups, taps * (group + 1) / row_groups, i % parts, parts, i == 0, i + 1 == count()};
    }
};

// Sets what is summed: the products of the pixels that an output meets with its taps of the kernel.
void sum_over(Product& product, const Conv& conv, const Pass& pass, const View& view, const float* panel,
              const Matches& rows, const Matches& columns) {
    const Int tap = conv.c * panel_width, tap_row = conv.horizontal.taps * tap;
    product.k = 0, product.runs = rows.count, product.sets = columns.count;
    if (rows.count == 0 || columns.count == 0) return;
    product.a = view.pixel(rows.index, columns.index);
    product.b = panel + rows.first * tap_row + columns.first * tap;
    product.a_run = rows.index_step * view.row_floats, product.b_run = rows.step * tap_row;
    product.a_set = columns.index_step * view.pixel_floats, product.b_set = columns.step * tap;
    Int k = conv.c;
    const bool joined = columns.step == 1 && columns.index_step == 1 && view.pixel_floats == conv.c;
    if (joined) k *= columns.count, product.sets = 1;
    const Int start = k * pass.part / pass.parts;
    product.k = k * (pass.part + 1) / pass.parts - start;
    product.a += start, product.b += start * panel_width;
}

// Some rows of outputs of some images, and the columns of one or two panels.
struct Piece {
    const Conv& conv;
    const View view;
    const Int images, from, to;
    const float* panel;
    float* y;  // the first column of the panel, at the first image and row 0
    Product product;

    // A row of outputs at a time; of those whose taps are the same where zeros lie between the columns.
    void by_rows(const Pass& pass) {
        const Axis& axis = conv.horizontal;
        const Int period = axis.period();
        product.a_row = period * axis.stride / axis.up * view.pixel_floats, product.c_row = period * conv.y_stride;
        for (Int phase = 0; phase < least(period, axis.out); ++phase) {
            product.rows = parts_of(axis.out - phase, period);
            const Matches columns = axis.taps_of(phase, 0, axis.taps, false);
            for (Int image = 0; image < images; ++image) {
                for (Int p = from; p < to; ++p) {
                    const Matches rows = conv.vertical.taps_of(p, pass.from, pass.to, true);
                    sum_over(product, conv, pass, view, panel, rows, columns);
                    product.a += image * view.image_floats;
                    product.c = y + ((image * conv.vertical.out + p) * axis.out + phase) * conv.y_stride;
                    multiply(product);
                }
            }
        }
    }

    // One output of all images at a time, for images so small that their rows would leave the registers empty.
    void by_images(const Pass& pass) {
        product.rows = images;
        product.a_row = view.image_floats, product.c_row = conv.output_image();
        for (Int p = from; p < to; ++p) {
            const Matches rows = conv.vertical.taps_of(p, pass.from, pass.to, true);
            for (Int q = 0; q < conv.horizontal.out; ++q) {
                sum_over(product, conv, pass, view, panel, rows,
                         conv.horizontal.taps_of(q, 0, conv.horizontal.taps, true));
                product.c = y + (p * conv.horizontal.out + q) * conv.y_stride;
                multiply(product);
            }
        }
    }
};

// The rounds that a product of so many rows takes for each k: at best one a row, but a tile of few rows waits for its
// own additions.
Int rounds(Int rows) {
    constexpr Int fewest = 8 / (lanes == 16 ? 2 : panel_vectors);
    const Int tiles = parts_of(rows, most_rows(panel_vectors));
    return rows == 0 ? 0 : most(rows, tiles * fewest);
}

// Whether the outputs of one place in all images are better than a row of outputs: they fill the registers where rows
// are short, and what lies left and right of an image is left out as well.
bool goes_by_images(const Conv& conv, Int images) {
    const Axis& axis = conv.horizontal;
    if (images == 0 || axis.out > 7 || axis.up > 1) return false;
    Int met = 0;
    for (Int q = 0; q < axis.out; ++q) met += axis.taps_of(q, 0, axis.taps, true).count;
    return rounds(images) * met < rounds(axis.out) * axis.taps * images;
}

void convolve_piece(const Conv& conv, const Arrays& arrays, const View& view, Int images, Int from, Int to) {
    const bool by_images = goes_by_images(conv, images);
    const Passes passes(conv);
    const Int panel_floats = conv.taps() * conv.c * panel_width;
    const Int step = panel_width * panels_at_once(by_images ? images : conv.horizontal.out);
    for (Int column = 0; column < conv.o; column += step) {
        const float* panel = arrays.panels + column / panel_width * panel_floats;
        Piece piece{conv, view, images, from, to, panel, arrays.y + column, {}};
        piece.product.a = view.at, piece.product.b = panel, piece.product.b_panel = panel_floats;
        piece.product.columns = least(step, conv.o - column);
        piece.product.longest_sum = conv.o <= few_channels ? 64 : longest_sum;
        for (Int i = 0; i < passes.count(); ++i) {
            const Pass pass = passes.pass(i);
            piece.product.add = !pass.first;
            piece.product.bias = pass.last && arrays.bias ? arrays.bias + column : nullptr;
            piece.product.relu = pass.last && (conv.flags & apply_relu);
            by_images ? piece.by_images(pass) : piece.by_rows(pass);
        }
    }
}

void convolve(const Conv& conv, Arrays arrays, Int count, float* workspace) {
    const ConvPlan plan(conv, count);
    for (Int first = 0; first < count; first += plan.images) {
        const Int images = least(plan.images, count - first);
        for (Int from = 0; from < conv.vertical.out; from += plan.rows) {
            const Int to = least(from + plan.rows, conv.vertical.out);
            View view = whole_view(arrays.x, conv);
            if (plan.copies && conv.c > 0 && !goes_by_images(conv, images)) {
                const Int row = most(0, least(conv.vertical.lowest(from), conv.vertical.size));
                const Int end = most(row, least(conv.vertical.highest(to) + 1, conv.vertical.size));
                view = copy_part(workspace, arrays.x, conv,
                                 {images, row, end - row, plan.columns.low, plan.columns.width, 0, conv.c});
            }
            convolve_piece(conv, arrays, view, images, from, to);
        }
        arrays.x += images * conv.image();
        arrays.y += images * conv.output_image();
    }
}

// A kernel of one pixel is a matrix product.
void multiply_pixels(const Conv& conv, const Arrays& arrays, Int images, char* workspace) {
    Product product;
    product.rows = images * conv.outputs(), product.columns = conv.o, product.k = conv.c;
    product.a = arrays.x, product.a_row = conv.x_stride;
    product.b = arrays.panels, product.b_panel = conv.c * panel_width;
    product.c = arrays.y, product.c_row = conv.y_stride;
    product.bias = arrays.bias, product.relu = conv.flags & apply_relu;
    multiply_matrices(product, workspace);
}

}  // namespace

void conv(const Call& call) {
    const Conv conv = Conv::of_conv(call.ints);
    if (call.rows == 0 || conv.o == 0 || conv.outputs() == 0) return;
    const auto floats = [&](Int i) { return reinterpret_cast<const float*>(call.at[i]); };
    const Arrays arrays{reinterpret_cast<float*>(call.at[0]), floats(1), floats(2),
                        conv.flags & add_bias ? floats(3) : nullptr};
    float* const workspace = reinterpret_cast<float*>(call.workspace);
    if (conv.is_product()) multiply_pixels(conv, arrays, call.rows, call.workspace);
    else if (conv.flags & by_winograd) convolve_by_winograd(conv, arrays, call.rows, workspace);
    else convolve(conv, arrays, call.rows, workspace);
}

}  // namespace chainrule::CHAINRULE_PATH
