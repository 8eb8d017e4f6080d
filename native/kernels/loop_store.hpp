#pragma once

// How the outputs of a loop leave their slots.

#include "loop_fold.hpp"
#include "loop_load.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

struct Sink {
    Store store;
    bool direct;  // the op writes to memory by itself
    char* to;
    Int slot;
    double all;  // of total_sum and total_max
    Accumulator columns;
};
static_assert(sizeof(Sink) <= sink_bytes);

inline void store_bool(char* to, const float* x, Int count) {
    for (Int i = 0; i < count; ++i) to[i] = x[i] != 0.0F ? 1 : 0;
}

template <class Number>
void store_column(char* to, const float* x, const Tile& tile) {
    if (tile.column != 0) return;
    for (Int row = 0; row < tile.rows; ++row) {
        Number number;
        if constexpr (sizeof(Number) == 8) number = as_integer(x[row * tile.width]);
        else number = x[row * tile.width];
        std::memcpy(to + (tile.row + row) * static_cast<Int>(sizeof number), &number, sizeof number);
    }
}

inline void store_tile(Sink& sink, const float* x, const Tile& tile) {
    switch (sink.store) {
        case Store::full:
            if (!sink.direct || tile.floats < lanes) {
                std::memcpy(sink.to + tile.place * 4, x, static_cast<std::size_t>(tile.floats) * 4);
            }
            break;
        case Store::full_bool: store_bool(sink.to + tile.place, x, tile.floats); break;
        case Store::column: store_column<float>(sink.to, x, tile); break;
        case Store::column_int64: store_column<Int>(sink.to, x, tile); break;
        case Store::column_sum: fold_tile<Add>(sink.columns, x, tile.rows); break;
        case Store::column_max: fold_tile<Max>(sink.columns, x, tile.rows); break;
        case Store::column_min: fold_tile<Min>(sink.columns, x, tile.rows); break;
        case Store::total_sum: sink.all += reduced<Add>(x, tile.floats); break;
        case Store::total_max: sink.all = Max::of(sink.all, reduced<Max>(x, tile.floats)); break;
        case Store::moments: moments_tile(sink.columns, x, tile.rows); break;
        default:  // scalar
            if (tile.place == 0) std::memcpy(sink.to, x, 4);
            break;
    }
}

// Without columns there is no tile, but there are rows.
inline void store_nothing(const Sink& sink, Int rows) {
    const Int bytes = sink.store == Store::column ? 4 : sink.store == Store::column_int64 ? 8 : 0;
    std::memset(sink.to, 0, static_cast<std::size_t>(rows * bytes));
}

// The results for each column of a piece, when all its rows are through.
inline void finish_piece(Sink& sink, Int column, Int columns, bool first) {
    auto* to = reinterpret_cast<float*>(sink.to);
    switch (sink.store) {
        case Store::column_sum: finish<Add>(sink.columns, to + column, first); break;
        case Store::column_max: finish<Max>(sink.columns, to + column, first); break;
        case Store::column_min: finish<Min>(sink.columns, to + column, first); break;
        case Store::moments: finish_moments(sink.columns, to, columns, column, first); break;
        default: break;
    }
}

inline void finish_total(const Sink& sink, bool first) {
    if (sink.store != Store::total_sum && sink.store != Store::total_max) return;
    const double before = first ? 0.0 : static_cast<double>(read<float>(sink.to, 0));
    double all = sink.all;
    if (!first) all = sink.store == Store::total_sum ? before + all : Max::of(before, all);
    const auto value = static_cast<float>(all);
    std::memcpy(sink.to, &value, 4);
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
