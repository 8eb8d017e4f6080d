// The gradient of a convolution with respect to its kernel: for each tap, a product of the input's channels (columns of
// A) and g (B), summed over all outputs that meet the image through this tap; or by Winograd's algorithm.

#include "block.hpp"
#include "images.hpp"
#include "winograd_kernel.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// Outputs that are summed at a time: of `images` images the rows [top, bottom) and the columns [left, right).
struct Region {
    Int images, top, bottom, left, right;
    Int width() const { return right - left; }
    Int outputs() const { return (bottom - top) * width(); }
};

// One or two panels of the region's g, one output behind the other.
struct Panels {
    const float* at;
    Int panel_floats, image_floats;
};

// A panel with fewer columns gets whatever follows them in g, for what it adds is not stored; nothing behind g's end.
void copy_outputs(float* to, const float* from, const float* end, Int outputs, Int stride, Int width) {
    for (Int i = 0; i < outputs; ++i, to += panel_width, from += stride) {
        if (width == panel_width || end - from >= panel_width) {
            std::memcpy(to, from, panel_width * sizeof(float));
        } else {
            clear(to, panel_width);
            std::memcpy(to, from, static_cast<std::size_t>(width) * sizeof(float));
        }
    }
}

Panels copy_g(float* to, const float* g, const Conv& conv, const Region& region, Int column, Int columns) {
    const Int panel_floats = region.images * region.outputs() * panel_width;
    const float* const end = g + (region.images * conv.outputs() - 1) * conv.y_stride + conv.o;
    for (Int start = 0; start < columns; start += panel_width) {
        float* output_to = to + start / panel_width * panel_floats;
        for (Int image = 0; image < region.images; ++image) {
            for (Int p = region.top; p < region.bottom; ++p, output_to += region.width() * panel_width) {
                const Int first = (image * conv.vertical.out + p) * conv.horizontal.out + region.left;
                copy_outputs(output_to, g + first * conv.y_stride + column + start, end, region.width(), conv.y_stride,
                             least(panel_width, columns - start));
            }
        }
    }
    return {to, panel_floats, region.outputs() * panel_width};
}

// The sums of one region for one block of channels: dk is its first channel, and the panels' first column.
struct Sums {
    const Conv& conv;
    const Region& region;
    const View& view;
    const Panels& g;
    float* dk;
    Product product;

    // What is summed over, the longest of images and columns innermost.
    void sum_over(Int rows, Int columns) {
        struct Along {
            Int count, a, b;
        };
        const Along images{region.images, view.image_floats, g.image_floats};
        const Along across{columns, conv.horizontal.stride * view.pixel_floats, panel_width};
        const bool swap = region.images > region.width();
        const Along inner = swap ? images : across, outer = swap ? across : images;
        product.k = inner.count, product.a_k = inner.a, product.b_k = inner.b;
        product.runs = rows, product.a_run = conv.vertical.stride * view.row_floats;
        product.b_run = region.width() * panel_width;
        product.sets = outer.count, product.a_set = outer.a, product.b_set = outer.b;
    }

    void add_tap(Int tap, Int channels, const Matches& rows, const Matches& columns) {
        product.rows = channels;
        product.c = dk + tap * conv.c * conv.o;
        sum_over(rows.count, columns.count);
        if (columns.count > 0 && rows.count > 0) {
            product.a = view.pixel(rows.index, columns.index);
            product.b = g.at + ((rows.first - region.top) * region.width() + columns.first - region.left) * panel_width;
        }
        multiply(product);
    }
    void add_taps(bool joined, Int channels) {
        const Axis &vertical = conv.vertical, &horizontal = conv.horizontal;
        for (Int a = 0; a < vertical.taps; ++a) {
            const Matches rows = vertical.outputs_of(a, region.top, region.bottom);
            if (joined) {
                const Int first = horizontal.reach(region.left, 0);
                const Matches columns{region.width(), region.left, 1, first, horizontal.stride};
                add_tap(a * horizontal.taps, horizontal.taps * channels, rows, columns);
            } else {
                for (Int b = 0; b < horizontal.taps; ++b)
                    add_tap(a * horizontal.taps + b, channels, rows,
                            horizontal.outputs_of(b, region.left, region.right));
            }
        }
    }
};

struct Work {
    const Conv& conv;
    const KernelPlan& plan;
    const float *x, *g;
    float *dk, *input_copy, *g_copy;

    Int block_start(Int block) const { return conv.c * block / plan.blocks; }
    bool copies_input(const Columns& columns) const {
        return plan.blocks > 1 || (plan.joined && (columns.outside || conv.x_stride != conv.c));
    }

    // What the region meets of the input. Zeros to its left and right are only needed where taps are joined.
    Part input_of(const Region& region, Columns columns) const {
        const Axis &vertical = conv.vertical, &horizontal = conv.horizontal;
        const Int row = most(0, least(vertical.lowest(region.top), vertical.size));
        const Int end = most(row, least(vertical.highest(region.bottom) + 1, vertical.size));
        if (!plan.joined) {
            const Int last = least(columns.low + columns.width, horizontal.size);
            columns.low = most(0, least(columns.low, horizontal.size));
            columns.width = most(0, last - columns.low);
        }
        return {region.images, row, end - row, columns.low, columns.width, 0, 0};
    }

    Part block_of(Part part, Int block) const {
        part.channel = block_start(block), part.channels = block_start(block + 1) - part.channel;
        return part;
    }
    // The blocks of channels are copied one behind the other.
    float* place_of(const Part& part) const {
        return input_copy + part.images * part.rows * part.columns * part.channel;
    }

    void add_block(const Region& region, const View& view, const Panels& panels, Int columns, Int channels, float* to,
                   bool first) const {
        Sums sums{conv, region, view, panels, to, {}};
        Product& product = sums.product;
        product.columns = columns, product.c_row = conv.o, product.add = !first;
        product.longest_sum = plan.longest_sum;
        product.a = view.at, product.a_row = 1, product.b = panels.at, product.b_panel = panels.panel_floats;
        sums.add_taps(plan.joined, channels);
    }

    void add_region(const Region& region, bool first) const {
        const Columns met(conv.horizontal, region.left, region.right);
        const Part part = input_of(region, met);
        const bool copies = copies_input(met);
        for (Int block = 0; copies && block < plan.blocks; ++block) {
            const Part channels = block_of(part, block);
            copy_part(place_of(channels), x, conv, channels);
        }
        const Int step = panel_width * panels_at_once(panel_width);
        for (Int column = 0; column < conv.o; column += step) {
            const Int columns = least(step, conv.o - column);
            const Panels panels = copy_g(g_copy, g, conv, region, column, columns);
            for (Int block = 0; block < plan.blocks; ++block) {
                const Part channels = block_of(part, block);
                const View view = copies ? copied_view(place_of(channels), channels) : whole_view(x, conv);
                add_block(region, view, panels, columns, channels.channels, dk + channels.channel * conv.o + column,
                          first);
            }
        }
    }
};

// Sums region by region; `first` tells whether dk has to be overwritten.
void sum_directly(const Conv& conv, const GradientArrays& arrays, Int count, bool first, float* workspace) {
    const KernelPlan plan(conv, count);
    Work work{conv, plan, arrays.x, arrays.g, arrays.dk, workspace, workspace + parts_of(plan.input_floats, 16) * 16};
    for (Int image = 0; image < count; image += plan.images) {
        const Int images = least(plan.images, count - image);
        for (Int p = 0; p < conv.vertical.out; p += plan.rows) {
            for (Int q = 0; q < conv.horizontal.out; q += plan.columns) {
                work.add_region({images, p, least(p + plan.rows, conv.vertical.out), q,
                                 least(q + plan.columns, conv.horizontal.out)}, first);
                first = false;
            }
        }
        work.x += images * conv.image();
        work.g += images * conv.output_image();
    }
}

}  // namespace

void conv_kernel(const Call& call) {
    const Conv conv = Conv::of_kernel(call.ints);
    if (conv.c == 0 || conv.o == 0) return;
    const GradientArrays arrays{reinterpret_cast<float*>(call.at[0]), reinterpret_cast<const float*>(call.at[1]),
                                reinterpret_cast<const float*>(call.at[2])};
    float* const workspace = reinterpret_cast<float*>(call.workspace);
    if (call.rows * conv.outputs() == 0) {
        if (call.first) clear(arrays.dk, conv.taps() * conv.c * conv.o);
    } else if (conv.flags & by_winograd) {
        const WinogradKernelPlan plan(conv, call.rows);
        WinogradGradient(conv, plan, arrays, workspace).run(!call.first);
    } else {
        sum_directly(conv, arrays, call.rows, call.first, workspace);
    }
}

}  // namespace chainrule::CHAINRULE_PATH
