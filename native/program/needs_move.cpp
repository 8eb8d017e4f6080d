// What the pools and copy touch.

#include <algorithm>

#include "needs.hpp"

namespace chainrule {
namespace {

constexpr Int float_bytes = 4;

struct PoolSizes {
    Int image, windows, positions;  // elements of an image and of its result, positions in a window
};

PoolSizes pool_sizes(const std::vector<Int>& ints) {
    require(ints.size() == 11, "a pool has 11 integers");
    const Int h = ints[0], w = ints[1], c = ints[2], oh = ints[3], ow = ints[4], kh = ints[5], kw = ints[6];
    const Int sh = ints[7], sw = ints[8], top = ints[9], left = ints[10];
    require_from(0, {h, w, c, oh, ow, top, left}, "a size is negative or absurd");
    require_from(1, {kh, kw, sh, sw}, "a window or its stride is not at least 1, or absurd");
    const Int last_row = plus(plus(times(oh, sh), kh), top), last_column = plus(plus(times(ow, sw), kw), left);
    (void)product({last_row, plus(w, last_column), c});  // so that the index of any place of any window is a number
    return {product({h, w, c}), product({oh, ow, c}), times(kh, kw)};
}

Needs pool_needs(const std::vector<Int>& ints, Int operands, Int rows, bool to_image) {
    require(operands == 2, "it has 2 operands");
    const auto [image, windows, positions] = pool_sizes(ints);
    const Int image_bytes = product({rows, image, float_bytes}), window_bytes = product({rows, windows, float_bytes});
    if (to_image) return {{image_bytes, window_bytes}, 0};
    return {{window_bytes, image_bytes}, 0};
}

Needs pool_needs_with_positions(const std::vector<Int>& ints, Int operands, Int rows, bool to_image) {
    constexpr Int most_positions = 255;  // what a byte can name
    require(operands == 3, "it has 3 operands");
    Needs needs = pool_needs(ints, 2, rows, to_image);
    const auto [image, windows, positions] = pool_sizes(ints);
    require(positions <= most_positions, "its window has too many positions for a byte");
    needs.bytes.push_back(times(rows, windows));
    return needs;
}

struct Extent {
    Int lowest, end;
};

// The elements that a walk over `axes` of these sizes and strides touches.
Extent extent(Int origin, Int axes, const Int* sizes, const Int* strides) {
    Extent touched{origin, plus(origin, 1)};
    for (Int i = 0; i < axes; ++i) {
        const Int reach = times(sizes[i] - 1, strides[i]);
        touched.lowest = plus(touched.lowest, std::min(reach, Int{0}));
        touched.end = plus(touched.end, std::max(reach, Int{0}));
    }
    require(touched.lowest >= 0, "it starts before its operand");
    return touched;
}

}  // namespace

Needs max_pool_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    return operands == 2 ? pool_needs(ints, operands, rows, false)
                         : pool_needs_with_positions(ints, operands, rows, false);
}

Needs pool_scatter_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    return pool_needs_with_positions(ints, operands, rows, true);
}

Needs pool_gather_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    return pool_needs_with_positions(ints, operands, rows, false);
}

Needs pool_sum_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    return pool_needs(ints, operands, rows, false);
}

Needs pool_spread_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    return pool_needs(ints, operands, rows, true);
}

Needs copy_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    constexpr std::size_t before = 6;
    constexpr Int most_axes = 6;
    require(operands == 2, "it has 2 operands");
    require(ints.size() >= before, "a copy has at least 6 integers");
    const Int size = ints[0], unit = ints[1], fill = ints[2], axes = ints[5];
    require(size == 1 || size == 4 || size == 8, "it copies elements of 1, 4 or 8 bytes");
    require_from(0, {unit, fill, ints[3], ints[4]}, "a size is negative or absurd");
    require(axes >= 0 && axes <= most_axes && ints.size() == before + 3 * static_cast<std::size_t>(axes),
            "it has at most 6 axes, each with a size and two strides");
    std::vector<Int> sizes(ints.begin() + before, ints.begin() + before + axes);
    const Int *src_strides = ints.data() + before + axes, *dst_strides = src_strides + axes;
    if (unit > 0) {
        require(axes > 0 && src_strides[0] >= 0 && dst_strides[0] >= 0, "its rows do not go upwards");
        sizes[0] = times(rows, unit);
    }
    Int elements = 1;
    for (Int i = 0; i < axes; ++i) {
        require_from(0, {sizes[i]}, "a size is negative or absurd");
        elements = times(elements, sizes[i]);
    }
    const Int filled = times(unit > 0 ? times(rows, fill) : fill, size);
    if (elements == 0) return {{filled, 0}, 0};
    const Extent src = extent(ints[3], axes, sizes.data(), src_strides);
    const Extent dst = extent(ints[4], axes, sizes.data(), dst_strides);
    require(elements <= dst.end - dst.lowest, "it writes to the same elements again");
    return {{std::max(filled, times(dst.end, size)), times(src.end, size)}, 0};
}

}  // namespace chainrule
