#pragma once

// Results for each column, of all rows of a task. Tiles are added to float accumulators, `fold` rows of a tile wide;
// now and then, and at the end, these are added to totals in float64, so that the error does not grow with the rows.

#include "loop_ops.hpp"
#include "loop_rows.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

constexpr Int tiles_between_totals = 256;

// The part of the workspace that one output accumulates in, for columns [first, first + width) of the domain.
struct Accumulator {
    float *sums, *squares;  // fold * width floats each; for moments the means and the squared distances from them
    double *totals, *more;  // width each, likewise
    Int width, fold;
    Int blocks;   // how many elements each accumulator has seen; 0: it holds nothing yet
    Int tiles;    // since the last totals
    Int counted;  // rows in the totals; 0: they hold nothing yet
};

inline void start(Accumulator& a, Int width, Int fold) {
    a.width = width;
    a.fold = fold;
    a.blocks = a.tiles = a.counted = 0;
}

// ---- sums, maxima and minima

template <class Fold>
void add_to_totals(Accumulator& a, const float* row) {
    for (Int i = 0; i < a.width; ++i) {
        const auto value = static_cast<double>(row[i]);
        a.totals[i] = a.counted > 0 ? Fold::of(a.totals[i], value) : value;
    }
    a.counted += 1;
}

template <class Fold>
void flush(Accumulator& a) {
    for (Int row = 0; a.blocks > 0 && row < a.fold; ++row) add_to_totals<Fold>(a, a.sums + row * a.width);
    a.blocks = a.tiles = 0;
}

template <class Fold>
void fold_tile(Accumulator& a, const float* x, Int rows) {
    const Int wide = a.fold * a.width, blocks = rows / a.fold;
    if (blocks > 0) {
        const bool begun = a.blocks > 0;
        sweep<4>(a.sums, wide < lanes ? lanes : wide, [&](Int i) {
            Vector sum = begun ? Fold::of(load(a.sums + i), load(x + i)) : load(x + i);
            for (Int block = 1; block < blocks; ++block) sum = Fold::of(sum, load(x + block * wide + i));
            return sum;
        });
        a.blocks += blocks;
    }
    for (Int row = blocks * a.fold; row < rows; ++row) add_to_totals<Fold>(a, x + row * a.width);
    if (++a.tiles == tiles_between_totals) flush<Fold>(a);
}

// What a chunk before this one has left in `to` is continued.
template <class Fold>
void finish(Accumulator& a, float* to, bool first) {
    const bool plain = a.counted == 0 && a.fold == 1 && a.blocks > 0;
    if (!plain) flush<Fold>(a);
    for (Int i = 0; i < a.width; ++i) {
        float value = Fold::start;
        if (plain) value = a.sums[i];
        else if (a.counted > 0) value = static_cast<float>(a.totals[i]);
        to[i] = first ? value : static_cast<float>(Fold::of(static_cast<double>(to[i]), static_cast<double>(value)));
    }
}

// ---- count, mean and sum of squared distances from the mean, merged as Chan, Golub and LeVeque (1979) do

// A row of means and squares, each of `count` elements, joins the totals.
inline void add_moments_to_totals(Accumulator& a, Int count, const float* means, const float* squares) {
    const double share = static_cast<double>(count) / static_cast<double>(a.counted + count);
    const double weight = share * static_cast<double>(a.counted);
    for (Int i = 0; i < a.width; ++i) {
        const double before = a.counted > 0 ? a.totals[i] : 0.0, squares_before = a.counted > 0 ? a.more[i] : 0.0;
        const double delta = static_cast<double>(means[i]) - before;
        a.totals[i] = before + delta * share;
        a.more[i] = squares_before + (squares ? static_cast<double>(squares[i]) : 0.0) + delta * delta * weight;
    }
    a.counted += count;
}

inline void flush_moments(Accumulator& a) {
    for (Int row = 0; a.blocks > 0 && row < a.fold; ++row) {
        add_moments_to_totals(a, a.blocks, a.sums + row * a.width, a.squares + row * a.width);
    }
    a.blocks = a.tiles = 0;
}

struct Weights {
    float each, share, weight;  // 1 / blocks, and those of the merge
};

// One vector of accumulators: mean and squares of its elements in the tile (two passes over what is in the first
// cache), merged with those before.
struct Moments {
    Vector mean, squares;
};

CHAINRULE_INLINE Moments moments_of(const Accumulator& a, const float* x, Int wide, Int blocks, Weights w, Int i) {
    Vector mean = load(x + i);
    for (Int block = 1; block < blocks; ++block) mean += load(x + block * wide + i);
    mean *= w.each;
    Vector squares{};
    for (Int block = 0; block < blocks; ++block) {
        const Vector distance = load(x + block * wide + i) - mean;
        squares = distance * distance + squares;
    }
    if (a.blocks == 0) return {mean, squares};
    const Vector before = load(a.sums + i), delta = mean - before;
    return {before + delta * w.share, load(a.squares + i) + squares + delta * delta * w.weight};
}

inline void moments_tile(Accumulator& a, const float* x, Int rows) {
    const Int wide = a.fold * a.width, blocks = rows / a.fold, n = wide < lanes ? Int{lanes} : wide;
    if (blocks > 0) {
        const float count = static_cast<float>(a.blocks + blocks), share = static_cast<float>(blocks) / count;
        const Weights w{1.0F / static_cast<float>(blocks), share, share * static_cast<float>(a.blocks)};
        const auto at = [&](Int i) { return moments_of(a, x, wide, blocks, w, i); };
        const auto put = [&](Int i, const Moments& moments) {
            store(a.sums + i, moments.mean);
            store(a.squares + i, moments.squares);
        };
        const Moments last = at(n - lanes);  // as in sweep
        for (Int i = 0; i + lanes <= n; i += lanes) put(i, at(i));
        put(n - lanes, last);
        a.blocks += blocks;
    }
    for (Int row = blocks * a.fold; row < rows; ++row) add_moments_to_totals(a, 1, x + row * a.width, nullptr);
    if (++a.tiles == tiles_between_totals) flush_moments(a);
}

// to: counts, means and squares, each `columns` long; this accumulator's columns start at `column`.
inline void finish_moments(Accumulator& a, float* to, Int columns, Int column, bool first) {
    float *counts = to + column, *means = counts + columns, *squares = means + columns;
    const bool plain = a.counted == 0 && a.fold == 1 && first;
    const Int rows = plain ? a.blocks : 0;
    if (!plain) flush_moments(a);
    if (!first && a.width > 0 && counts[0] >= 1.0F && counts[0] < 0x1p53F) {
        add_moments_to_totals(a, static_cast<Int>(counts[0]), means, squares);
    }
    for (Int i = 0; i < a.width; ++i) {
        const bool any = a.counted > 0;
        counts[i] = static_cast<float>(plain ? rows : a.counted);
        means[i] = rows > 0 ? a.sums[i] : any ? static_cast<float>(a.totals[i]) : 0.0F;
        squares[i] = rows > 0 ? a.squares[i] : any ? static_cast<float>(a.more[i]) : 0.0F;
    }
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
