#pragma once

// Results for each column, of all rows of a task. A tile is folded by itself and joins float accumulators, `fold` rows of
// a tile wide; now and then, and at the end, these join totals in float64. So no chain of float additions is longer than
// a tile is high or than the tiles between totals, and the error does not grow with the rows.

#include "loop_ops.hpp"
#include "loop_rows.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

constexpr Int tiles_between_totals = 32, tiles_between_moments = 5;

// The part of the workspace that one output accumulates in, for columns [first, first + width) of the domain.
struct Accumulator {
    float *sums, *squares, *pivots;  // fold * width floats each; for moments the sums are of distances from the pivots
    double *totals, *more;           // width each; for moments the means and the squared distances from them
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
            Vector sum = load(x + i);
            for (Int block = 1; block < blocks; ++block) sum = Fold::of(sum, load(x + block * wide + i));
            return begun ? Fold::of(load(a.sums + i), sum) : sum;
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

struct Moments {
    double mean, squares;
};

// A row of moments, of `count` elements each, joins the totals. (Means weighted, not corrected: infinities stay.)
template <class At>
void add_moments_to_totals(Accumulator& a, Int count, At at) {
    const double all = static_cast<double>(a.counted + count);
    const double share = static_cast<double>(count) / all, rest = static_cast<double>(a.counted) / all;
    for (Int i = 0; i < a.width; ++i) {
        const Moments before = a.counted > 0 ? Moments{a.totals[i], a.more[i]} : Moments{0.0, 0.0}, more = at(i);
        const double delta = more.mean - before.mean;
        a.totals[i] = before.mean * rest + more.mean * share;
        a.more[i] = before.squares + more.squares + delta * delta * (rest * static_cast<double>(count));
    }
    a.counted += count;
}

// From sums of distances and of their squares. Only rounding makes the squares negative; NaN stays.
inline Moments moments_of(float pivot, float sum, float squares, double each) {
    const double distance = static_cast<double>(sum) * each;
    const double around = static_cast<double>(squares) - distance * static_cast<double>(sum);
    return {static_cast<double>(pivot) + distance, around < 0.0 ? 0.0 : around};
}

inline void flush_moments(Accumulator& a) {
    const double each = 1.0 / static_cast<double>(a.blocks);
    for (Int row = 0; a.blocks > 0 && row < a.fold; ++row) {
        const Int at = row * a.width;
        add_moments_to_totals(a, a.blocks, [&a, at, each](Int i) {
            return moments_of(a.pivots[at + i], a.sums[at + i], a.squares[at + i], each);
        });
    }
    a.blocks = a.tiles = 0;
}

// The pivots are near the numbers to come, so that distances from them lose no digits: the first tile's means.
inline void start_moments(Accumulator& a, const float* x, Int wide, Int blocks, Int n) {
    const float each = 1.0F / static_cast<float>(blocks);
    sweep<4>(a.pivots, n, [=](Int i) {
        Vector sum = load(x + i);
        for (Int block = 1; block < blocks; ++block) sum += load(x + block * wide + i);
        const Vector mean = sum * each;
        return select(mean - mean == 0.0F, mean, Vector{});  // no distance from an infinity
    });
    std::memset(a.sums, 0, static_cast<std::size_t>(n) * 4);
    std::memset(a.squares, 0, static_cast<std::size_t>(n) * 4);
}

struct Distances {
    Vector sum, squares;
};

CHAINRULE_INLINE Distances distances_of(const Accumulator& a, const float* x, Int wide, Int blocks, Int i) {
    const Vector pivot = load(a.pivots + i);
    Distances all{};
    for (Int block = 0; block < blocks; ++block) {
        const Vector distance = load(x + block * wide + i) - pivot;
        all.sum += distance;
        all.squares = distance * distance + all.squares;
    }
    return {load(a.sums + i) + all.sum, load(a.squares + i) + all.squares};
}

inline void moments_tile(Accumulator& a, const float* x, Int rows) {
    const Int wide = a.fold * a.width, blocks = rows / a.fold, n = wide < lanes ? Int{lanes} : wide;
    if (blocks > 0) {
        if (a.blocks == 0) start_moments(a, x, wide, blocks, n);
        const auto at = [&](Int i) { return distances_of(a, x, wide, blocks, i); };
        const auto put = [&](Int i, const Distances& distances) {
            store(a.sums + i, distances.sum);
            store(a.squares + i, distances.squares);
        };
        const Distances last = at(n - lanes);  // as in sweep
        for (Int i = 0; i + lanes <= n; i += lanes) put(i, at(i));
        put(n - lanes, last);
        a.blocks += blocks;
    }
    for (Int row = blocks * a.fold; row < rows; ++row) {
        add_moments_to_totals(a, 1, [=](Int i) { return Moments{static_cast<double>(x[row * a.width + i]), 0.0}; });
    }
    if (++a.tiles == tiles_between_moments) flush_moments(a);
}

// to: counts, means, what float32 leaves of the means, and squares, each `columns` long; this accumulator's columns
// start at `column`.
inline void finish_moments(Accumulator& a, float* to, Int columns, Int column, bool first) {
    float *counts = to + column, *means = counts + columns, *rests = means + columns, *squares = rests + columns;
    flush_moments(a);
    if (!first && a.width > 0 && counts[0] >= 1.0F && counts[0] < 0x1p53F) {
        add_moments_to_totals(a, static_cast<Int>(counts[0]), [=](Int i) {
            return Moments{static_cast<double>(means[i]) + static_cast<double>(rests[i]),
                           static_cast<double>(squares[i])};
        });
    }
    for (Int i = 0; i < a.width; ++i) {
        const double mean = a.counted > 0 ? a.totals[i] : 0.0;
        counts[i] = static_cast<float>(a.counted);
        means[i] = static_cast<float>(mean);
        const double rest = mean - static_cast<double>(means[i]);
        rests[i] = static_cast<float>(rest - rest == 0.0 ? rest : 0.0);  // an infinity leaves nothing
        squares[i] = static_cast<float>(a.counted > 0 ? a.more[i] : 0.0);
    }
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
