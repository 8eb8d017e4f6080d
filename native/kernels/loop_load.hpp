#pragma once

// How the inputs of a loop reach their slots.

#include "loop_ops.hpp"
#include "loop_rows.hpp"
#include "loop_shape.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// A piece of the domain: some whole rows, or a part of one.
struct Tile {
    Int row, column, rows, width;
    Int place;     // of its first element in the domain
    Int position;  // the same in the whole segment
    Int floats;    // rows * width
};

struct Source {
    Load load;
    bool copied;  // into the slot, although it could be read where it stands
    const char* from;
    float* slot;
    Int index;          // of the slot
    Int count, stride;  // of partial sums
};
static_assert(sizeof(Source) <= source_bytes);

// A byte of a boolean array; whatever is not 0 is true.
struct Truth {
    unsigned char byte;
    explicit operator float() const { return byte != 0 ? 1.0F : 0.0F; }
};

template <class Number>
CHAINRULE_INLINE Number read(const char* from, Int index) {
    Number number;
    std::memcpy(&number, from + index * static_cast<Int>(sizeof(Number)), sizeof number);
    return number;
}

inline void copy_floats(float* to, const char* from, Int first, Int count) {
    std::memcpy(to, from + first * 4, static_cast<std::size_t>(count) * 4);
}

// The parts in order, each `stride` bytes behind the one before.
inline void sum_parts(const Source& source, Int first, Int count) {
    copy_floats(source.slot, source.from, first, count);
    for (Int part = 1; part < source.count; ++part) {
        const auto* from = reinterpret_cast<const float*>(source.from + part * source.stride) + first;
        float* to = source.slot;
        if (count >= lanes) {
            sweep<4>(to, count, [to, from](Int i) { return load(to + i) + load(from + i); });
        } else {
            for (Int i = 0; i < count; ++i) to[i] += from[i];
        }
    }
}

inline float scalar_of(const Source& source) {
    switch (source.load) {
        case Load::scalar: return read<float>(source.from, 0);
        case Load::scalar_int64: return static_cast<float>(read<Int>(source.from, 0));
        case Load::scalar_parts: {
            float sum = read<float>(source.from, 0);
            for (Int part = 1; part < source.count; ++part) sum += read<float>(source.from + part * source.stride, 0);
            return sum;
        }
        default: {  // the low 32 bits, of a float or an integer
            const auto bits = static_cast<std::uint32_t>(source.load == Load::constant ? source.stride
                                                                                       : read<Int>(source.from, 0));
            float value;
            std::memcpy(&value, &bits, 4);
            return value;
        }
    }
}

// Each row's number in all its columns.
template <class Number>
void spread_column(const Source& source, const Tile& tile) {
    for (Int row = 0; row < tile.rows; ++row) {
        const auto value = read<Number>(source.from, tile.row + row);
        fill(source.slot + row * tile.width, static_cast<float>(value), tile.width);
    }
}

// The first row is there: it is repeated until the slot holds `floats`.
inline void repeat_row(float* slot, Int width, Int floats) {
    for (Int done = width; done > 0 && done < floats; done *= 2) {
        std::memcpy(slot + done, slot, static_cast<std::size_t>(done < floats - done ? done : floats - done) * 4);
    }
}

// What is the same for all rows: once for each piece of the columns, in one row (a scalar: in `floats` elements).
// Returns where it stands.
inline const float* load_row(const Source& source, const Tile& tile, Int floats) {
    switch (source.load) {
        case Load::vector:
            if (!source.copied && tile.width >= lanes) {
                return reinterpret_cast<const float*>(source.from) + tile.column;
            }
            copy_floats(source.slot, source.from, tile.column, tile.width);
            break;
        case Load::vector_parts: sum_parts(source, tile.column, tile.width); break;
        case Load::column_index:
            for (Int i = 0; i < tile.width; ++i) source.slot[i] = static_cast<float>(tile.column + i);
            break;
        default: fill(source.slot, scalar_of(source), floats); break;
    }
    return source.slot;
}

// The part of an input that belongs to a tile. Returns where it stands: in memory, where that is possible.
inline const float* load_tile(const Source& source, const Tile& tile) {
    const bool in_place = !source.copied && tile.floats >= lanes;
    switch (source.load) {
        case Load::column:
            if (tile.width != 1 || tile.place != tile.row) {
                spread_column<float>(source, tile);
                return source.slot;
            }
            [[fallthrough]];  // of one column, row and place are the same
        case Load::full:
            if (in_place) return reinterpret_cast<const float*>(source.from) + tile.place;
            copy_floats(source.slot, source.from, tile.place, tile.floats);
            break;
        case Load::full_bool: {
            const auto* from = reinterpret_cast<const unsigned char*>(source.from) + tile.place;
            for (Int i = 0; i < tile.floats; ++i) source.slot[i] = from[i] != 0 ? 1.0F : 0.0F;
            break;
        }
        case Load::full_parts: sum_parts(source, tile.place, tile.floats); break;
        case Load::column_int64: spread_column<Int>(source, tile); break;
        case Load::column_bool: spread_column<Truth>(source, tile); break;
        default:  // position
            for (Int i = 0; i < tile.floats; ++i) source.slot[i] = static_cast<float>(tile.position + i);
            break;
    }
    return source.slot;
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
