// Tiles of sums in registers. Every index into a tile is a constant (a fold, not a loop): only then do compilers keep
// it there. A tile adds its runs (add_run), a run its products k by k (add_step).

#include "block.hpp"

#include <utility>

#include "shapes.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// Vector registers of this path; none where a Vector takes two (16 lanes tried out without AVX-512).
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int registers = 32;
#elif defined(__x86_64__)
constexpr int registers = lanes == 16 ? 0 : 16;
#else
constexpr int registers = 0;
#endif

// Whether the sums, the shorter of B's row and A's column, and one value of the other fit: then compilers are told to
// keep each where it is, which they else do not, to save a load, at the cost of moves between registers.
template <int rows, int vectors>
constexpr bool fit = rows * vectors + (rows < vectors ? rows : vectors) < registers;

template <int count>
using Upto = std::make_integer_sequence<int, count>;
template <int... i>
using Indices = std::integer_sequence<int, i...>;

// Hides a value's origin from the compiler: it then stays in a register instead of being recomputed or turned into
// one pointer for each row, for which there are not enough registers.
template <class Value>
CHAINRULE_INLINE void keep(Value& value) {
    __asm__ volatile("" : "+r"(value));
}

// The same for a vector.
CHAINRULE_INLINE void keep_vector([[maybe_unused]] Vector& vector) {
#if defined(__aarch64__)
    __asm__ volatile("" : "+w"(vector));
#elif defined(__AVX512F__)
    __asm__ volatile("" : "+v"(vector));
#elif defined(__x86_64__)
    __asm__ volatile("" : "+x"(vector));
#endif
}

CHAINRULE_INLINE float value_at(const char* at) {
    float value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// Equally spaced places, reached by scaled indices from few registers: up to 8 from `first`, the rest from `ninth`.
struct Places {
    const char *first, *ninth;
    Int one, three, five, seven;

    explicit Places(Int stride) : one(stride * 4), three(one * 3), five(one * 5), seven(one * 7) {
        keep(one), keep(three), keep(five), keep(seven);
    }
    CHAINRULE_INLINE void start(const float* at) {
        first = reinterpret_cast<const char*>(at);
        ninth = first + one * 8;
    }
    template <int i>
    CHAINRULE_INLINE const char* place() const {
        const char* base = i < 8 ? first : ninth;
        constexpr int rest = i % 8;
        if constexpr (rest == 3) return base + three;
        else if constexpr (rest == 5) return base + five;
        else if constexpr (rest == 6) return base + three * 2;
        else if constexpr (rest == 7) return base + seven;
        else return base + one * rest;
    }
    template <int count>
    CHAINRULE_INLINE void move(Int bytes) {
        first += bytes;
        keep(first);
        if constexpr (count > 8) ninth += bytes, keep(ninth);
    }
};

template <int row, int rows, int vectors, int... v>
CHAINRULE_INLINE void add_row(Vector (&sum)[rows][vectors], const Vector& a, const Vector (&b)[vectors],
                              Indices<v...>) {
    ((sum[row][v] += a * b[v]), ...);
    if constexpr (fit<rows, vectors>) (keep_vector(sum[row][v]), ...);
}

template <int v, int rows, int vectors, int... row>
CHAINRULE_INLINE void add_column(Vector (&sum)[rows][vectors], const Vector (&a)[rows], const Vector& b,
                                 Indices<row...>) {
    ((sum[row][v] += a[row] * b), ...);
    if constexpr (fit<rows, vectors>) (keep_vector(sum[row][v]), ...);
}

// A's value in `row` at one of the four unrolled steps. Its rows lie k by k (by_rows) or its columns row by row.
template <bool by_rows, int step, int row>
CHAINRULE_INLINE Vector a_value(const Places& a) {
    return broadcast(value_at(by_rows ? a.place<row>() + 4 * step : a.place<step>() + 4 * row));
}

template <int step, int v>
CHAINRULE_INLINE Vector b_vector(const Places& b, Int b_panel) {
    const char* at = b.place<step>() + (v / panel_vectors ? b_panel : 0);
    return load(reinterpret_cast<const float*>(at + v % panel_vectors * sizeof(Vector)));
}

// One k. The shorter of B's row and A's column is held, the other one goes by.
template <bool by_rows, int step, int rows, int vectors, int... row, int... v>
CHAINRULE_INLINE void add_step(Vector (&sum)[rows][vectors], Places& a, Places& b, Int b_panel,
                               Indices<row...> each_row, Indices<v...> each_vector) {
    keep(a.first), keep(b.first);
    if constexpr (rows < vectors) {
        Vector column[rows] = {a_value<by_rows, step, row>(a)...};
        if constexpr (fit<rows, vectors>) (keep_vector(column[row]), ...);
        (add_column<v>(sum, column, b_vector<step, v>(b, b_panel), each_row), ...);
    } else {
        Vector panels[vectors] = {b_vector<step, v>(b, b_panel)...};
        if constexpr (fit<rows, vectors>) (keep_vector(panels[v]), ...);
        (add_row<row>(sum, a_value<by_rows, step, row>(a), panels, each_vector), ...);
    }
}

template <bool by_rows, int rows, int vectors>
CHAINRULE_INLINE void add_run(Vector (&sum)[rows][vectors], Places a, Places b, Int b_panel, Int k) {
    constexpr Upto<rows> each_row;
    constexpr Upto<vectors> each_vector;
    constexpr int a_places = by_rows ? rows : 4;
    const Int a_step = by_rows ? 4 : a.one, b_step = b.one;
    for (; k >= 4; k -= 4) {
        add_step<by_rows, 0>(sum, a, b, b_panel, each_row, each_vector);
        add_step<by_rows, 1>(sum, a, b, b_panel, each_row, each_vector);
        add_step<by_rows, 2>(sum, a, b, b_panel, each_row, each_vector);
        add_step<by_rows, 3>(sum, a, b, b_panel, each_row, each_vector);
        a.move<a_places>(4 * a_step);
        b.move<4>(4 * b_step);
    }
    for (; k > 0; --k) {
        add_step<by_rows, 0>(sum, a, b, b_panel, each_row, each_vector);
        a.move<a_places>(a_step);
        b.move<4>(b_step);
    }
}

template <int vectors, int... v>
CHAINRULE_INLINE void store_row(const Vector (&row)[vectors], float* to, Indices<v...>) {
    (store(to + v * lanes, row[v]), ...);
}

template <int vectors, int... v>
CHAINRULE_INLINE void add_to_row(Vector (&row)[vectors], const float* from, Indices<v...>) {
    ((row[v] += load(from + v * lanes)), ...);
}

// NaN stays NaN: no comparison with it holds.
template <int vectors, int... v>
CHAINRULE_INLINE void rectify(Vector (&row)[vectors], Indices<v...>) {
    ((row[v] = row[v] < Vector{} ? Vector{} : row[v]), ...);
}

template <int rows, int vectors, int... row>
CHAINRULE_INLINE void finish(Vector (&sum)[rows][vectors], const Product& product, float* c, Indices<row...>) {
    constexpr Upto<vectors> each_vector;
    if (product.add) (add_to_row(sum[row], c + row * product.c_row, each_vector), ...);
    if (product.bias) (add_to_row(sum[row], product.bias, each_vector), ...);
    if (product.relu) (rectify(sum[row], each_vector), ...);
    (store_row(sum[row], c + row * product.c_row, each_vector), ...);
}

template <int rows, int vectors, bool by_rows>
__attribute__((noinline)) void tile(const Product& product, const float* a, float* c) {
    Places a_places(by_rows ? product.a_row : product.a_k), b_places(product.b_k);
    Vector sum[rows][vectors] = {};
    for (Int set = 0; set < product.sets; ++set) {
        for (Int run = 0; run < product.runs; ++run) {
            a_places.start(a + set * product.a_set + run * product.a_run);
            b_places.start(product.b + set * product.b_set + run * product.b_run);
            add_run<by_rows>(sum, a_places, b_places, product.b_panel * 4, product.k);
        }
    }
    finish(sum, product, c, Upto<rows>());
}

using Tile = void (*)(const Product&, const float*, float*);

template <int vectors, int... i>
Tile tile_of(Int rows, bool by_rows, Indices<i...>) {
    static constexpr Tile rowwise[] = {tile<i + 1, vectors, true>...}, columnwise[] = {tile<i + 1, vectors, false>...};
    return (by_rows ? rowwise : columnwise)[rows - 1];
}

template <int... i>
Tile tile_of(Int rows, Int vectors, bool by_rows, Indices<i...>) {
    Tile found = nullptr;
    ((vectors == i + 1 ? void(found = tile_of<i + 1>(rows, by_rows, Upto<most_rows(i + 1)>())) : void()), ...);
    return found ? found : tile_of<two_panels>(rows, by_rows, Upto<most_rows(two_panels)>());
}

// Fewer than 32 floats, in pieces of known size: a copy of unknown size is a call.
CHAINRULE_INLINE void copy_few(float* to, const float* from, Int count) {
    if (count & 16) std::memcpy(to, from, 64), to += 16, from += 16;
    if (count & 8) std::memcpy(to, from, 32), to += 8, from += 8;
    if (count & 4) std::memcpy(to, from, 16), to += 4, from += 4;
    if (count & 2) std::memcpy(to, from, 8), to += 2, from += 2;
    if (count & 1) std::memcpy(to, from, 4);
}

void copy_columns(float* to, Int to_row, const float* from, Int from_row, Int rows, Int columns) {
    for (Int row = 0; row < rows; ++row) copy_few(to + row * to_row, from + row * from_row, columns);
}

// C with fewer columns than the panels: a tile computes whole ones aside.
struct Aside {
    static constexpr Int width = 2 * panel;
    float c[most_rows(1) * width], bias[width] = {};
    Product whole;

    explicit Aside(const Product& product) : whole(product) {
        whole.c_row = width;
        if (!product.bias) return;
        copy_few(bias, product.bias, product.columns);
        whole.bias = bias;
    }
    void run(Tile run_tile, const float* a, float* to, Int to_row, Int rows) {
        if (whole.add) copy_columns(c, width, to, to_row, rows, whole.columns);
        run_tile(whole, a, c);
        copy_columns(to, to_row, c, width, rows, whole.columns);
    }
};

// Divisions take longer than a small tile's products: none where it can be avoided, else by a constant.
CHAINRULE_INLINE Int tiles_of(Int rows, Int vectors) {
    if (rows <= most_rows(vectors)) return rows > 0;
    if (vectors == panel_vectors) return (rows + most_rows(panel_vectors) - 1) / most_rows(panel_vectors);
    return (rows + most_rows(vectors) - 1) / most_rows(vectors);
}

// The rows are shared out evenly (32 are 6 + 6 + 5 + 5 + 5 + 5): a last tile of one row would waste its registers.
template <class Run>
CHAINRULE_INLINE void each_tile(const Product& product, Int vectors, Run run) {
    const bool by_rows = product.a_k == 1;
    const Int tiles = tiles_of(product.rows, vectors);
    const Int a_row = by_rows ? product.a_row : 1;
    const Int share = tiles > 1 ? product.rows / tiles : product.rows, rest = product.rows - share * tiles;
    for (Int i = 0, row = 0; i < tiles; ++i) {
        const Int rows = share + (i < rest);
        run(tile_of(rows, vectors, by_rows, Upto<panel_vectors>()), product.a + row * a_row,
            product.c + row * product.c_row, rows);
        row += rows;
    }
}

// All tiles, with sums as long as they are.
void multiply_at_once(const Product& product) {
    const Int vectors = product.columns > panel ? two_panels : (product.columns + lanes - 1) / lanes;
    if (product.columns == vectors * lanes) {
        each_tile(product, vectors, [&](Tile run, const float* a, float* c, Int) { run(product, a, c); });
    } else {
        Aside aside(product);
        each_tile(product, vectors, [&](Tile run, const float* a, float* c, Int rows) {
            aside.run(run, a, c, product.c_row, rows);
        });
    }
}

}  // namespace

// Of sums that would be too long a part at a time: some sets, some runs of one, some k of one run.
void multiply(const Product& product) {
    if (product.terms() <= product.longest_sum) return multiply_at_once(product);
    Product rest = product;
    while (rest.terms() > rest.longest_sum) {
        Product part = rest;
        part.bias = nullptr, part.relu = false;
        if (rest.sets > 1) {
            part.sets = even_part(rest.sets, most(1, rest.longest_sum / (rest.runs * rest.k)));
            rest.sets -= part.sets, rest.a += part.sets * rest.a_set, rest.b += part.sets * rest.b_set;
        } else if (rest.runs > 1) {
            part.runs = even_part(rest.runs, most(1, rest.longest_sum / rest.k));
            rest.runs -= part.runs, rest.a += part.runs * rest.a_run, rest.b += part.runs * rest.b_run;
        } else {
            part.k = even_fours(rest.k, rest.longest_sum);
            rest.k -= part.k, rest.a += part.k * rest.a_k, rest.b += part.k * rest.b_k;
        }
        multiply(part);
        rest.add = true;
    }
    multiply_at_once(rest);
}

}  // namespace chainrule::CHAINRULE_PATH
