// Rearranges a matrix into panels of 16 columns; a convolution's kernel also as Winograd's algorithm reads it.

#include "shapes.hpp"
#include "transpose.hpp"
#include "winograd_transforms.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// Neighbouring axes that can be walked as one become one; the last axis is then as long as possible.
void merge_axes(Pack& pack) {
    for (int times = 0; times < 2; ++times) {
        for (int axis = 2; axis > 0; --axis) {
            const bool can = pack.stride[axis - 1] == pack.size[axis] * pack.stride[axis] || pack.size[axis - 1] == 1;
            if (!can && pack.size[axis] != 1) continue;
            if (!can) pack.stride[axis] = pack.stride[axis - 1];
            pack.size[axis] *= pack.size[axis - 1];
            pack.size[axis - 1] = 1;
        }
    }
}

// The last axis of a panel, k values of each column.
void pack_run(float* to, const float* from, Int k, Int stride, Int columns, Int column_stride) {
    if (column_stride == 1 && columns == panel_width) {
        for (Int i = 0; i < k; ++i) std::memcpy(to + i * panel_width, from + i * stride, panel_width * sizeof(float));
        return;
    }
    if (columns < panel_width) std::memset(to, 0, static_cast<std::size_t>(k * panel_width) * sizeof(float));
    if (stride == 1) {
        transpose(to, panel_width, from, column_stride, columns, k);
        return;
    }
    for (Int i = 0; i < k; ++i)
        for (Int column = 0; column < columns; ++column)
            to[i * panel_width + column] = from[i * stride + column * column_stride];
}

constexpr Int most_channels = 16;  // transformed at a time
constexpr Int most_floats = most_channels * panel_width;

// taps[9] -> to[place], `count` floats of each
void transform_taps(float (*to)[most_floats], const float (*taps)[most_floats], Int count) {
    for (Int i = 0; i < count; i += lanes) {
        Four columns[3];
        for (int j = 0; j < 3; ++j)
            columns[j] = of_taps(load(taps[j] + i), load(taps[j + 3] + i), load(taps[j + 6] + i));
        for (int row = 0; row < 4; ++row)
            store_four(to[4 * row] + i, most_floats,
                       of_taps(columns[0].at[row], columns[1].at[row], columns[2].at[row]));
    }
}

// A panel of the kernel, a few channels at a time; aside, for the 16 places may fall on the same ones of the caches.
void pack_transformed(float* to, const float* from, const Pack& pack) {
    const Int channels = pack.size[2];
    float taps[9][most_floats], transformed[winograd_places][most_floats];
    for (Int first = 0; first < channels; first += most_channels) {
        const Int count = least(most_channels, channels - first), floats = count * panel_width;
        for (Int tap = 0; tap < 9; ++tap)
            pack_run(taps[tap], from + tap / 3 * pack.stride[0] + tap % 3 * pack.stride[1] + first * pack.stride[2],
                     count, pack.stride[2], panel_width, pack.column_stride);
        transform_taps(transformed, taps, floats);
        for (Int place = 0; place < winograd_places; ++place)
            std::memcpy(to + (place * channels + first) * panel_width, transformed[place],
                        static_cast<std::size_t>(floats) * sizeof(float));
    }
}

}  // namespace

void pack(const Call& call) {
    Pack pack(call.ints);
    if (pack.k() == 0) return;
    merge_axes(pack);
    float* to = reinterpret_cast<float*>(call.at[0]);
    const float* from = reinterpret_cast<const float*>(call.at[1]) + pack.origin;
    for (Int row = 0; row < call.rows; ++row) {
        const Int columns = most(0, least(panel_width, pack.n - (call.row + row) * panel_width));
        for (Int i = 0; i < pack.size[0]; ++i) {
            for (Int j = 0; j < pack.size[1]; ++j) {
                pack_run(to, from + i * pack.stride[0] + j * pack.stride[1], pack.size[2], pack.stride[2], columns,
                         pack.column_stride);
                to += pack.size[2] * panel_width;
            }
        }
        from += panel_width * pack.column_stride;
    }
}

void pack_winograd(const Call& call) {
    const Pack pack = Pack::of_winograd(call.ints);
    float* const to = reinterpret_cast<float*>(call.at[0]);
    const float* const from = reinterpret_cast<const float*>(call.at[1]) + pack.origin;
    const Int panels = least(call.rows, pack.n / panel_width - call.row);
    for (Int panel = 0; panel < panels; ++panel)
        pack_transformed(to + panel * winograd_places * pack.size[2] * panel_width,
                         from + panel * panel_width * pack.column_stride, pack);
}

}  // namespace chainrule::CHAINRULE_PATH
