// Pooling over images with their channels last: each window becomes one number for each channel, or spreads one.

#include <cmath>

#include "../program/instruction.hpp"
#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// Vectors of `width` channels; the channels behind the last full vector go through narrower ones.
template <int width>
struct Wide {
    typedef float Floats __attribute__((vector_size(width * 4)));
    typedef std::int32_t Ints __attribute__((vector_size(width * 4)));
    typedef std::uint8_t Bytes __attribute__((vector_size(width)));
};
template <int width>
using Floats = typename Wide<width>::Floats;
template <int width>
using Ints = typename Wide<width>::Ints;

template <int width>
CHAINRULE_INLINE Floats<width> load_wide(const float* from) {
    Floats<width> vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

template <typename Vector>
CHAINRULE_INLINE void store_wide(float* to, Vector vector) {
    std::memcpy(to, &vector, sizeof vector);
}

template <int width>
CHAINRULE_INLINE Ints<width> load_positions(const std::uint8_t* from) {
    typename Wide<width>::Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, Ints<width>);
}

template <int width>
CHAINRULE_INLINE void store_positions(std::uint8_t* to, Ints<width> positions) {
    const auto bytes = __builtin_convertvector(positions, typename Wide<width>::Bytes);
    std::memcpy(to, &bytes, sizeof bytes);
}

struct Shape {
    Int h, w, c, oh, ow, kh, kw, sh, sw, top, left;
    explicit Shape(const Int* i)
        : h(i[0]), w(i[1]), c(i[2]), oh(i[3]), ow(i[4]), kh(i[5]), kw(i[6]), sh(i[7]), sw(i[8]), top(i[9]),
          left(i[10]) {}
};

// Which places of a window, [first, end), are inside the image, along one axis.
struct Inside {
    Int first, end;
    Inside(Int start, Int window, Int size)
        : first(start < 0 ? -start : 0), end(start + window > size ? size - start : window) {}
    bool none() const { return first >= end; }
};

// One window. Indices count floats from the image's start: place (0, 0), which may be outside, and the result.
struct Window {
    Inside rows, columns;
    Int place, result;
};

// Calls each(index of the place, its position in the window) for every place inside. With `two` the window is a whole
// one of 2 x 2.
template <bool two, typename Each>
CHAINRULE_INLINE void each_place(const Shape& shape, const Window& window, Int channel, Each each) {
    const Int place = window.place + channel, row = shape.w * shape.c;
    if constexpr (two) {
        each(place, 0);
        each(place + shape.c, 1);
        each(place + row, 2);
        each(place + row + shape.c, 3);
    } else {
        for (Int a = window.rows.first; a < window.rows.end; ++a)
            for (Int b = window.columns.first; b < window.columns.end; ++b)
                each(place + a * row + b * shape.c, static_cast<std::int32_t>(a * shape.kw + b));
    }
}

template <bool two, typename Op>
CHAINRULE_INLINE void run_window(const Op& op, const Shape& shape, const Window& window) {
    Int channel = 0;
    for (; channel + lanes <= shape.c; channel += lanes) op.template run<lanes, two>(shape, window, channel);
    if constexpr (lanes > 4) {
        for (; channel + 4 <= shape.c; channel += 4) op.template run<4, two>(shape, window, channel);
    }
    for (; channel < shape.c; ++channel) op.template run<1, two>(shape, window, channel);
}

template <typename Op>
void run_image(const Op& op, const Shape& shape) {
    for (Int p = 0; p < shape.oh; ++p) {
        const Int start = p * shape.sh - shape.top;
        const Inside rows(start, shape.kh, shape.h);
        const bool two_rows = shape.kh == 2 && shape.kw == 2 && start >= 0 && start + 2 <= shape.h;
        for (Int q = 0; q < shape.ow; ++q) {
            const Int column = q * shape.sw - shape.left;
            const Window window{rows, Inside(column, shape.kw, shape.w), (start * shape.w + column) * shape.c,
                                (p * shape.ow + q) * shape.c};
            if (two_rows && column >= 0 && column + 2 <= shape.w) run_window<true>(op, shape, window);
            else run_window<false>(op, shape, window);
        }
    }
}

template <bool with_positions>
struct Max {
    const float* x;
    float* y;
    std::uint8_t* at;

    template <int width, bool two>
    CHAINRULE_INLINE void run(const Shape& shape, const Window& window, Int channel) const {
        Floats<width> best = -INFINITY - Floats<width>{};
        Ints<width> position{};
        if (two || !(window.rows.none() || window.columns.none())) {
            const Int a = two ? 0 : window.rows.first, b = two ? 0 : window.columns.first;
            best = load_wide<width>(x + window.place + (a * shape.w + b) * shape.c + channel);
            position += static_cast<std::int32_t>(a * shape.kw + b);
        }
        each_place<two>(shape, window, channel, [&](Int place, std::int32_t number) {
            if (two && number == 0) return;  // that is where it starts
            const Floats<width> value = load_wide<width>(x + place);
            const Ints<width> better = ~(value <= best) & (best == best);  // so the first NaN wins
            best = better ? value : best;
            if constexpr (with_positions) position = better ? number - Ints<width>{} : position;
        });
        store_wide(y + window.result + channel, best);
        if constexpr (with_positions) store_positions<width>(at + window.result + channel, position);
    }
};

struct Gather {
    float* y;
    const float* u;
    const std::uint8_t* at;

    template <int width, bool two>
    CHAINRULE_INLINE void run(const Shape& shape, const Window& window, Int channel) const {
        const Ints<width> position = load_positions<width>(at + window.result + channel);
        Floats<width> found{};
        each_place<two>(shape, window, channel, [&](Int place, std::int32_t number) {
            found = position == number ? load_wide<width>(u + place) : found;
        });
        store_wide(y + window.result + channel, found);
    }
};

struct Sum {
    float* y;
    const float* x;

    template <int width, bool two>
    CHAINRULE_INLINE void run(const Shape& shape, const Window& window, Int channel) const {
        Floats<width> sum{};
        each_place<two>(shape, window, channel, [&](Int place, std::int32_t) { sum += load_wide<width>(x + place); });
        store_wide(y + window.result + channel, sum);
    }
};

// x is zeros. Windows that do not overlap may write where others add.
template <bool add, int width>
CHAINRULE_INLINE void put(float* x, Floats<width> value) {
    store_wide(x, add ? load_wide<width>(x) + value : value);
}

template <bool add>
struct Scatter {
    float* x;
    const float* g;
    const std::uint8_t* at;

    template <int width, bool two>
    CHAINRULE_INLINE void run(const Shape& shape, const Window& window, Int channel) const {
        const Ints<width> position = load_positions<width>(at + window.result + channel);
        const Floats<width> value = load_wide<width>(g + window.result + channel);
        each_place<two>(shape, window, channel, [&](Int place, std::int32_t number) {
            put<add, width>(x + place, position == number ? value : Floats<width>{});
        });
    }
};

template <bool add>
struct Spread {
    float* x;
    const float* g;

    template <int width, bool two>
    CHAINRULE_INLINE void run(const Shape& shape, const Window& window, Int channel) const {
        const Floats<width> value = load_wide<width>(g + window.result + channel);
        each_place<two>(shape, window, channel, [&](Int place, std::int32_t) { put<add, width>(x + place, value); });
    }
};

// The images of one call: the floats of an image and of its result, and how many there are.
struct Images {
    Shape shape;
    Int image, result, count;
    explicit Images(const Call& call)
        : shape(call.ints), image(shape.h * shape.w * shape.c), result(shape.oh * shape.ow * shape.c),
          count(call.rows) {}

    bool separate() const { return shape.sh >= shape.kh && shape.sw >= shape.kw; }
    // Whether separate windows leave no place of the image out.
    bool covered() const {
        return shape.sh == shape.kh && shape.sw == shape.kw && shape.oh * shape.sh - shape.top >= shape.h &&
               shape.ow * shape.sw - shape.left >= shape.w;
    }
    void clear(float* x) const {
        if (!covered()) std::memset(x, 0, static_cast<std::size_t>(image * count) * sizeof(float));
    }
};

// Runs op_for(image's number) on each image.
template <typename OpFor>
void run_images(const Images& images, OpFor op_for) {
    if (images.result == 0) return;
    for (Int i = 0; i < images.count; ++i) run_image(op_for(i), images.shape);
}

float* floats(const Call& call, int operand) { return reinterpret_cast<float*>(call.at[operand]); }
std::uint8_t* bytes(const Call& call, int operand) { return reinterpret_cast<std::uint8_t*>(call.at[operand]); }

template <template <bool> typename Op, typename... Operands>
void run_backward(const Images& images, float* x, Operands... results) {
    images.clear(x);
    const auto run = [&](auto op) {
        using Chosen = decltype(op);
        run_images(images, [&](Int i) { return Chosen{x + i * images.image, results + i * images.result...}; });
    };
    if (images.separate()) run(Op<false>{});
    else run(Op<true>{});
}

template <bool with_positions>
void run_max(const Call& call) {
    const Images images(call);
    run_images(images, [&](Int i) {
        std::uint8_t* at = with_positions ? bytes(call, 2) + i * images.result : nullptr;
        return Max<with_positions>{floats(call, 1) + i * images.image, floats(call, 0) + i * images.result, at};
    });
}

}  // namespace

void max_pool(const Call& call) {
    if (call.at[2] == nullptr) run_max<false>(call);  // the operands end with nullptr
    else run_max<true>(call);
}

void pool_scatter(const Call& call) {
    run_backward<Scatter>(Images(call), floats(call, 0), floats(call, 1), bytes(call, 2));
}

void pool_spread(const Call& call) { run_backward<Spread>(Images(call), floats(call, 0), floats(call, 1)); }

void pool_gather(const Call& call) {
    const Images images(call);
    run_images(images, [&](Int i) {
        return Gather{floats(call, 0) + i * images.result, floats(call, 1) + i * images.image,
                      bytes(call, 2) + i * images.result};
    });
}

void pool_sum(const Call& call) {
    const Images images(call);
    run_images(images, [&](Int i) {
        return Sum{floats(call, 0) + i * images.result, floats(call, 1) + i * images.image};
    });
}

}  // namespace chainrule::CHAINRULE_PATH
