#pragma once

// Ops of a loop that look along a row. Their result stands in every column of the row.

#include "../program/instruction.hpp"
#include "mathematics.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

struct Add {
    static constexpr float start = 0.0F;
    static CHAINRULE_INLINE Vector of(Vector a, Vector b) { return a + b; }
    static CHAINRULE_INLINE double of(double a, double b) { return a + b; }
};
struct Max {
    static constexpr float start = -infinity;
    static CHAINRULE_INLINE Vector of(Vector a, Vector b) { return maximum(a, b); }
    static CHAINRULE_INLINE double of(double a, double b) { return a > b || a != a ? a : b; }
    static CHAINRULE_INLINE Mask beats(Vector a, Vector b) { return a > b; }
    static CHAINRULE_INLINE bool wins(float a, float b) { return a > b || a != a; }
};
struct Min {
    static constexpr float start = infinity;
    static CHAINRULE_INLINE Vector of(Vector a, Vector b) { return minimum(a, b); }
    static CHAINRULE_INLINE double of(double a, double b) { return a < b || a != a ? a : b; }
    static CHAINRULE_INLINE Mask beats(Vector a, Vector b) { return a < b; }
    static CHAINRULE_INLINE bool wins(float a, float b) { return a < b || a != a; }
};

// The vectors value(0) to value(n - 1) together, in four chains: none waits for the others, and all of them are short.
template <class Fold, class Value>
CHAINRULE_INLINE Vector folded(Int n, Value value) {
    Vector chain[4];
    for (Vector& vector : chain) vector = broadcast(Fold::start);
    Int i = 0;
    for (; i + 4 <= n; i += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) chain[j] = Fold::of(chain[j], value(i + j));
    }
    for (; i < n; ++i) chain[0] = Fold::of(chain[0], value(i));
    return Fold::of(Fold::of(chain[0], chain[1]), Fold::of(chain[2], chain[3]));
}

constexpr Int most_vectors = 128;  // in float32, so that no chain is longer than a quarter of it

// All of n floats together: a stretch of vectors at a time, their lanes and what is left in float64.
template <class Fold>
inline double reduced(const float* x, Int n) {
    double all = Fold::start;
    const Int vectors = n / lanes;
    for (Int first = 0; first < vectors; first += most_vectors) {
        const Int count = vectors - first < most_vectors ? vectors - first : most_vectors;
        const Vector last = folded<Fold>(count, [=](Int i) { return load(x + (first + i) * lanes); });
        for (int lane = 0; lane < lanes; ++lane) all = Fold::of(all, static_cast<double>(last[lane]));
    }
    for (Int i = vectors * lanes; i < n; ++i) all = Fold::of(all, static_cast<double>(x[i]));
    return all;
}

CHAINRULE_INLINE void fill(float* to, float value, Int n) {
    Int i = 0;
    for (; i + lanes <= n; i += lanes) store(to + i, broadcast(value));
    if (i > 0 && i < n) store(to + n - lanes, broadcast(value));
    if (i == 0) {
        for (; i < n; ++i) to[i] = value;
    }
}

// Of narrow rows a vector takes `lanes` at once, each lane another row: column `column` of the rows from x on. Lanes
// without a row repeat the last one.
CHAINRULE_INLINE Vector column_of(const float* x, Int rows, Int width, Int column) {
    Vector vector;
    if (rows >= lanes) {
        for (Int lane = 0; lane < lanes; ++lane) vector[lane] = x[lane * width + column];
    } else {
        for (Int lane = 0; lane < lanes; ++lane) vector[lane] = x[(lane < rows ? lane : rows - 1) * width + column];
    }
    return vector;
}

CHAINRULE_INLINE void fill_rows(float* to, Vector values, Int rows, Int width) {
    float value[lanes];
    store(value, values);
    for (Int row = 0; row < rows && row < lanes; ++row) fill(to + row * width, value[row], width);
}

constexpr Int narrow = 32;  // columns; wider rows are better read along

template <class Fold>
void reduce_rows(float* to, const float* x, Int rows, Int width) {
    if (width > narrow) {
        for (Int row = 0; row < rows; ++row) {
            fill(to + row * width, static_cast<float>(reduced<Fold>(x + row * width, width)), width);
        }
        return;
    }
    for (Int row = 0; row < rows; row += lanes) {
        const float* from = x + row * width;
        const Vector all = folded<Fold>(width, [=](Int i) { return column_of(from, rows - row, width, i); });
        fill_rows(to + row * width, all, rows - row, width);
    }
}

// An op whose operands have one number in a row: computed in a vector of rows.
template <class Run>
void run_once_a_row(Run run, float* to, const float* a, const float* b, const float* c, Int rows, Int width) {
    for (Int row = 0; row < rows; row += lanes) {
        const Int at = row * width, left = rows - row;
        float values[3][lanes];
        const float* const from[] = {a, b, c};
        for (int i = 0; i < 3; ++i) store(values[i], column_of(from[i] + at, left, width, 0));
        run(values[0], values[0], values[1], values[2], Int{lanes});
        fill_rows(to + at, load(values[0]), left, width);
    }
}

// The best values so far and their places. Of equals the first stays, and so does a NaN.
struct Best {
    Vector value, place;
};

template <class Fold>
CHAINRULE_INLINE void improve(Best& best, Vector x, Vector place) {
    const Mask better = Fold::beats(x, best.value) | ((x != x) & (best.value == best.value));
    best.value = select(better, x, best.value);
    best.place = select(better, place, best.place);
}

// Of a row of at least `lanes` columns; each lane has its own best, and those are compared in the end.
template <class Fold>
float best_place(const float* x, Int n) {
    Vector place;
    for (int lane = 0; lane < lanes; ++lane) place[lane] = static_cast<float>(lane);
    Best best{load(x), place};
    Int i = lanes;
    for (; i + lanes <= n; i += lanes) improve<Fold>(best, load(x + i), place + static_cast<float>(i));
    if (i < n) improve<Fold>(best, load(x + n - lanes), place + static_cast<float>(n - lanes));
    float value = best.value[0], first = best.place[0];
    for (int lane = 1; lane < lanes; ++lane) {
        const float other = best.value[lane], at = best.place[lane];
        const bool same = other == value || (other != other && value != value);
        if (same ? at < first : Fold::wins(other, value)) {
            value = other;
            first = at;
        }
    }
    return first;
}

template <class Fold>
void find_rows(float* to, const float* x, Int rows, Int width) {
    if (width > narrow) {
        for (Int row = 0; row < rows; ++row) fill(to + row * width, best_place<Fold>(x + row * width, width), width);
        return;
    }
    for (Int row = 0; row < rows; row += lanes) {
        const float* from = x + row * width;
        Best best{column_of(from, rows - row, width, 0), Vector{}};
        for (Int i = 1; i < width; ++i) {
            improve<Fold>(best, column_of(from, rows - row, width, i), broadcast(static_cast<float>(i)));
        }
        fill_rows(to + row * width, best.place, rows - row, width);
    }
}

inline Int as_integer(float value) { return value > -0x1p62F && value < 0x1p62F ? static_cast<Int>(value) : -1; }

// Of each row of x the element that the row's index names. The first index that is none of the columns is the fault.
inline void take_column(float* to, const float* x, const float* index, Int rows, Int width, Int first_row,
                        Fault* fault) {
    for (Int row = 0; row < rows; ++row) {
        const float at = index[row * width];
        const bool inside = at >= 0.0F && at < static_cast<float>(width);
        if (!inside && fault->where < 0) *fault = {0, first_row + row, as_integer(at)};
        const float value = inside ? x[row * width + static_cast<Int>(at)] : __builtin_nanf("");
        fill(to + row * width, value, width);
    }
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
