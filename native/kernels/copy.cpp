// Copies between any two strided layouts: slices, concatenations, transposes, broadcasts, padding.

#include "transpose.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

constexpr Int most_axes = 6;

struct Axis {
    Int size, src, dst;  // strides
};

struct Walk {
    Axis axes[most_axes];
    int count = 0;
    Int src = 0, dst = 0;  // where it starts
};

// Backwards axes of dst are walked forwards; axes of one element are left out.
void add_axis(Walk& walk, Axis axis) {
    if (axis.size == 1) return;
    if (axis.dst < 0) {
        walk.src += (axis.size - 1) * axis.src;
        walk.dst += (axis.size - 1) * axis.dst;
        axis = {axis.size, -axis.src, -axis.dst};
    }
    int place = walk.count++;
    for (; place > 0 && walk.axes[place - 1].dst < axis.dst; --place) walk.axes[place] = walk.axes[place - 1];
    walk.axes[place] = axis;
}

// Neighbouring axes that can be walked as one become one.
void merge_axes(Walk& walk) {
    int kept = 0;
    for (int i = 1; i < walk.count; ++i) {
        Axis& outer = walk.axes[kept];
        const Axis inner = walk.axes[i];
        if (outer.src == inner.size * inner.src && outer.dst == inner.size * inner.dst) {
            outer = {outer.size * inner.size, inner.src, inner.dst};
        } else {
            walk.axes[++kept] = inner;
        }
    }
    if (walk.count > 0) walk.count = kept + 1;
}

// An element of any type; of 8 bytes, too, it needs to be aligned only to 4.
template <typename Bits>
struct __attribute__((packed, aligned(sizeof(Bits) < 4 ? sizeof(Bits) : 4), may_alias)) Element {
    Bits bits;
};

template <typename Type>
void copy_run(Type* dst, const Type* src, Int size) {
    constexpr Int short_run = 32;  // a call costs more
    if (size < short_run) {
        for (Int i = 0; i < size; ++i) dst[i].bits = src[i].bits;
    } else {
        std::memmove(dst, src, static_cast<std::size_t>(size) * sizeof(Type));
    }
}

template <typename Type>
void copy_axis(Type* dst, const Type* src, Axis axis) {
    if (axis.dst == 1 && axis.src == 1) return copy_run(dst, src, axis.size);
    if (axis.dst == 1 && axis.src == 0) {
        const auto value = src->bits;
        for (Int i = 0; i < axis.size; ++i) dst[i].bits = value;
        return;
    }
    for (Int i = 0; i < axis.size; ++i) dst[i * axis.dst].bits = src[i * axis.src].bits;
}

// Two axes, src running along the outer one and dst along the inner one, in blocks whose lines stay in cache.
template <typename Type>
void transpose_axes(Type* dst, const Type* src, Axis outer, Axis inner) {
    constexpr Int block = 16;
    for (Int i = 0; i < outer.size; i += block) {
        const Int rows = outer.size - i < block ? outer.size - i : block;
        for (Int j = 0; j < inner.size; j += block) {
            const Int columns = inner.size - j < block ? inner.size - j : block;
            Type* to = dst + i * outer.dst + j;
            const Type* from = src + i + j * inner.src;
            if constexpr (sizeof(Type) == sizeof(float)) {
                transpose(reinterpret_cast<float*>(to), outer.dst, reinterpret_cast<const float*>(from), inner.src,
                          columns, rows);
            } else {
                for (Int row = 0; row < rows; ++row)
                    for (Int column = 0; column < columns; ++column)
                        to[row * outer.dst + column].bits = from[row + column * inner.src].bits;
            }
        }
    }
}

template <typename Type>
void walk_axes(Type* dst, const Type* src, const Axis* axes, int count) {
    if (count == 0) {
        dst->bits = src->bits;
    } else if (count == 1) {
        copy_axis(dst, src, axes[0]);
    } else if (count == 2 && axes[0].src == 1 && axes[1].dst == 1 && axes[1].src > 1) {
        transpose_axes(dst, src, axes[0], axes[1]);
    } else {
        for (Int i = 0; i < axes[0].size; ++i) {
            walk_axes(dst + i * axes[0].dst, src + i * axes[0].src, axes + 1, count - 1);
        }
    }
}

// The axis along which src runs comes next to the one along which dst does, where they are two: there they can be
// transposed.
void bring_together(Walk& walk) {
    for (int i = 0; i + 2 < walk.count; ++i) {
        if (walk.axes[i].src != 1) continue;
        const Axis axis = walk.axes[i];
        for (; i + 2 < walk.count; ++i) walk.axes[i] = walk.axes[i + 1];
        walk.axes[i] = axis;
    }
}

template <typename Bits>
void copy_elements(const Call& call) {
    using Type = Element<Bits>;
    const Int unit = call.ints[1], fill = call.ints[2], axes = call.ints[5];
    const Int *sizes = call.ints + 6, *src_strides = sizes + axes, *dst_strides = src_strides + axes;
    Type* dst = reinterpret_cast<Type*>(call.at[0]);
    const Int cleared = unit > 0 ? call.rows * fill : fill;
    if (cleared > 0) std::memset(call.at[0], 0, static_cast<std::size_t>(cleared) * sizeof(Bits));
    Walk walk;
    for (Int i = 0; i < axes; ++i) {
        const Int size = i == 0 && unit > 0 ? call.rows * unit : sizes[i];
        if (size == 0) return;
        add_axis(walk, {size, src_strides[i], dst_strides[i]});
    }
    merge_axes(walk);
    bring_together(walk);
    const Type* src = reinterpret_cast<const Type*>(call.at[1]);
    walk_axes(dst + call.ints[4] + walk.dst, src + call.ints[3] + walk.src, walk.axes, walk.count);
}

}  // namespace

void copy(const Call& call) {
    switch (call.ints[0]) {
        case 1: return copy_elements<std::uint8_t>(call);
        case 4: return copy_elements<std::uint32_t>(call);
        default: return copy_elements<std::uint64_t>(call);
    }
}

}  // namespace chainrule::CHAINRULE_PATH
