#pragma once

#include <utility>

#include "../program/instruction.hpp"
#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// Of a square's rows r and r + distance, the parts that stay in r (upper) or r + distance after they changed places.
template <int distance, bool upper, int... i>
CHAINRULE_INLINE Vector exchange(Vector a, Vector b, std::integer_sequence<int, i...>) {
#if defined(__clang__) || __GNUC__ >= 12
    if constexpr (upper) return __builtin_shufflevector(a, b, (i & distance ? i - distance + lanes : i)...);
    else return __builtin_shufflevector(a, b, (i & distance ? i + lanes : i + distance)...);
#else
    if constexpr (upper) return __builtin_shuffle(a, b, Mask{(i & distance ? i - distance + lanes : i)...});
    else return __builtin_shuffle(a, b, Mask{(i & distance ? i + lanes : i + distance)...});
#endif
}

template <int distance, int... row>
CHAINRULE_INLINE void transpose_square(Vector (&square)[lanes], std::integer_sequence<int, row...> each_row) {
    if constexpr (distance > 0) {
        const Vector old[] = {square[row]...};
        ((square[row] = row & distance ? exchange<distance, false>(old[row - (row & distance)], old[row], each_row)
                                       : exchange<distance, true>(old[row], old[row | distance], each_row)),
         ...);
        transpose_square<distance / 2>(square, each_row);
    }
}

template <int... row>
CHAINRULE_INLINE void transpose_square(float* to, Int to_row, const float* from, Int from_row,
                                       std::integer_sequence<int, row...> each_row) {
    Vector square[lanes] = {load(from + row * from_row)...};
    transpose_square<lanes / 2>(square, each_row);
    (store(to + row * to_row, square[row]), ...);
}

// to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns.
void transpose(float* to, Int to_row, const float* from, Int from_row, Int rows, Int columns) {
    const Int square_rows = rows / lanes * lanes, square_columns = columns / lanes * lanes;
    for (Int i = 0; i < square_rows; i += lanes)
        for (Int j = 0; j < square_columns; j += lanes)
            transpose_square(to + j * to_row + i, to_row, from + i * from_row + j, from_row,
                             std::make_integer_sequence<int, lanes>());
    for (Int i = 0; i < rows; ++i)
        for (Int j = i < square_rows ? square_columns : 0; j < columns; ++j)
            to[j * to_row + i] = from[i * from_row + j];
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
