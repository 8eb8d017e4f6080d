#pragma once

// What the ops of a loop do to a vector, each under the name it has in opcodes.hpp, and how one runs over a tile.

#include <math.h>

#include "../program/instruction.hpp"
#include "mathematics.hpp"
#include "opcodes.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// Calls value(i) for the vectors at i = 0, lanes, ... of n >= lanes floats and writes what it returns to `to`. A last,
// incomplete vector is the one that ends at n: it overlaps its neighbour, so it is computed first (the op may work in
// place) and written last.
template <int unroll, class Value>
CHAINRULE_INLINE void sweep(float* to, Int n, Value value) {
    const bool incomplete = n % lanes != 0;
    Vector last{};
    if (incomplete) last = value(n - lanes);
    Int i = 0;
    for (; i + unroll * lanes <= n; i += unroll * lanes) {
        Vector values[unroll];
#pragma GCC unroll 8
        for (int j = 0; j < unroll; ++j) values[j] = value(i + j * lanes);
#pragma GCC unroll 8
        for (int j = 0; j < unroll; ++j) store(to + i + j * lanes, values[j]);
    }
    for (; i + lanes <= n; i += lanes) store(to + i, value(i));
    if (incomplete) store(to + n - lanes, last);
}

namespace op {

#define CHAINRULE_ONE(name, value) \
    CHAINRULE_INLINE Vector name(Vector a) { return value; }
#define CHAINRULE_TWO(name, value) \
    CHAINRULE_INLINE Vector name(Vector a, Vector b) { return value; }
#define CHAINRULE_THREE(name, value) \
    CHAINRULE_INLINE Vector name(Vector a, Vector b, Vector c) { return value; }
#define CHAINRULE_EACH(name, value)                                  \
    CHAINRULE_INLINE Vector name(Vector vector) {                    \
        for (int i = 0; i < lanes; ++i) {                            \
            const float a = vector[i];                               \
            vector[i] = value;                                       \
        }                                                            \
        return vector;                                               \
    }
#define CHAINRULE_EACH_TWO(name, value)                              \
    CHAINRULE_INLINE Vector name(Vector vector, Vector other) {      \
        for (int i = 0; i < lanes; ++i) {                            \
            const float a = vector[i], b = other[i];                 \
            vector[i] = value;                                       \
        }                                                            \
        return vector;                                               \
    }

CHAINRULE_INLINE Vector one_where(Mask condition) { return (Vector)(condition & (Mask)broadcast(1.0F)); }

CHAINRULE_ONE(copy, a)
CHAINRULE_TWO(add, a + b)
CHAINRULE_TWO(sub, a - b)
CHAINRULE_TWO(mul, a * b)
CHAINRULE_TWO(div, a / b)
CHAINRULE_ONE(neg, -a)
CHAINRULE_ONE(exp, CHAINRULE_PATH::exp(a))
CHAINRULE_ONE(expm1, CHAINRULE_PATH::expm1(a))
CHAINRULE_ONE(log, CHAINRULE_PATH::log(a))
CHAINRULE_ONE(log1p, CHAINRULE_PATH::log1p(a))
CHAINRULE_ONE(sqrt, CHAINRULE_PATH::sqrt(a))
CHAINRULE_ONE(rsqrt, 1.0F / CHAINRULE_PATH::sqrt(a))
CHAINRULE_ONE(reciprocal, 1.0F / a)
CHAINRULE_ONE(sigmoid, CHAINRULE_PATH::sigmoid(a))
CHAINRULE_ONE(softplus, CHAINRULE_PATH::softplus(a))
CHAINRULE_ONE(tanh, CHAINRULE_PATH::tanh(a))
CHAINRULE_ONE(relu, select(a < 0.0F, Vector{}, a))
CHAINRULE_TWO(leaky_relu, select(a > 0.0F, a, b * a))
CHAINRULE_TWO(elu, select(a > 0.0F, a, b * CHAINRULE_PATH::expm1(at_most(a, 0.0F))))
CHAINRULE_ONE(gelu, CHAINRULE_PATH::gelu(a))
CHAINRULE_ONE(silu, a * CHAINRULE_PATH::sigmoid(a))
CHAINRULE_ONE(erf, CHAINRULE_PATH::erf(a))
CHAINRULE_ONE(abs, magnitude(a))
CHAINRULE_ONE(sign, select(a > 0.0F, broadcast(1.0F), select(a < 0.0F, broadcast(-1.0F), a * a)))  // a a keeps NaN
CHAINRULE_ONE(floor, CHAINRULE_PATH::floor(a))
CHAINRULE_ONE(ceil, CHAINRULE_PATH::ceil(a))
CHAINRULE_ONE(round, CHAINRULE_PATH::round(a))
CHAINRULE_EACH_TWO(power, __builtin_powf(a, b))
CHAINRULE_TWO(maximum, CHAINRULE_PATH::maximum(a, b))
CHAINRULE_TWO(minimum, CHAINRULE_PATH::minimum(a, b))
CHAINRULE_THREE(clip, CHAINRULE_PATH::minimum(CHAINRULE_PATH::maximum(a, b), c))
CHAINRULE_THREE(where, select(a != 0.0F, b, c))
CHAINRULE_TWO(less, one_where(a < b))
CHAINRULE_TWO(less_equal, one_where(a <= b))
CHAINRULE_TWO(greater, one_where(a > b))
CHAINRULE_TWO(greater_equal, one_where(a >= b))
CHAINRULE_TWO(equal, one_where(a == b))
CHAINRULE_TWO(not_equal, one_where(a != b))
CHAINRULE_TWO(logical_and, one_where((a != 0.0F) & (b != 0.0F)))
CHAINRULE_TWO(logical_or, one_where((a != 0.0F) | (b != 0.0F)))
CHAINRULE_ONE(logical_not, one_where(a == 0.0F))

// The remainder has the sign of the divisor, as in Python; a quotient of 0 has that of the true one.
inline float modulo(float a, float b) {
    const float rest = __builtin_fmodf(a, b);
    if (rest == 0.0F) return __builtin_copysignf(0.0F, b);
    return (rest < 0.0F) != (b < 0.0F) ? rest + b : rest;
}

inline float floor_quotient(float a, float b) {
    if (b == 0.0F) return a / b;
    const float quotient = (a - modulo(a, b)) / b, whole = __builtin_floorf(quotient);
    if (quotient == 0.0F) return __builtin_copysignf(0.0F, a / b);
    return quotient - whole > 0.5F ? whole + 1.0F : whole;
}

CHAINRULE_EACH_TWO(mod, modulo(a, b))
CHAINRULE_EACH_TWO(floor_divide, floor_quotient(a, b))
CHAINRULE_ONE(square, a * a)
CHAINRULE_THREE(muladd, a * b + c)
CHAINRULE_EACH(sin, __builtin_sinf(a))
CHAINRULE_EACH(cos, __builtin_cosf(a))
CHAINRULE_EACH(tan, __builtin_tanf(a))
CHAINRULE_EACH(arcsin, __builtin_asinf(a))
CHAINRULE_EACH(arccos, __builtin_acosf(a))
CHAINRULE_EACH(arctan, __builtin_atanf(a))
CHAINRULE_EACH_TWO(arctan2, __builtin_atan2f(a, b))
CHAINRULE_EACH(sinh, __builtin_sinhf(a))
CHAINRULE_EACH(cosh, __builtin_coshf(a))
CHAINRULE_EACH(arcsinh, __builtin_asinhf(a))
CHAINRULE_EACH(arccosh, __builtin_acoshf(a))
CHAINRULE_EACH(arctanh, __builtin_atanhf(a))
CHAINRULE_TWO(where_positive, select(a > 0.0F, b, Vector{}))

#undef CHAINRULE_ONE
#undef CHAINRULE_TWO
#undef CHAINRULE_THREE
#undef CHAINRULE_EACH
#undef CHAINRULE_EACH_TWO

}  // namespace op

// An op over n >= lanes floats; `to` may be any of the operands.
using Elementwise = void (*)(float* to, const float* a, const float* b, const float* c, Int n);

// Short ops need company to keep the loop's own work small; long ones are enough by themselves and need the registers.
constexpr int unrolled(Opcode opcode) {
    switch (opcode) {
        case Opcode::exp: return 2;
        case Opcode::expm1:
        case Opcode::log:
        case Opcode::log1p:
        case Opcode::sigmoid:
        case Opcode::softplus:
        case Opcode::tanh:
        case Opcode::elu:
        case Opcode::gelu:
        case Opcode::silu:
        case Opcode::erf:
        case Opcode::power:
        case Opcode::mod:
        case Opcode::floor_divide: return 1;
        default: return opcode >= Opcode::sin && opcode <= Opcode::arctanh ? 1 : 4;
    }
}

// Ops that are worth computing once a row instead of once an element, where a row's elements are all the same.
constexpr bool is_costly(Opcode opcode) {
    return (unrolled(opcode) < 4 && opcode < Opcode::uniform) || opcode == Opcode::div || opcode == Opcode::sqrt ||
           opcode == Opcode::rsqrt || opcode == Opcode::reciprocal;
}

template <int unroll, Vector (*value)(Vector)>
void one(float* to, const float* a, const float*, const float*, Int n) {
    sweep<unroll>(to, n, [a](Int i) { return value(load(a + i)); });
}

template <int unroll, Vector (*value)(Vector, Vector)>
void two(float* to, const float* a, const float* b, const float*, Int n) {
    sweep<unroll>(to, n, [a, b](Int i) { return value(load(a + i), load(b + i)); });
}

template <int unroll, Vector (*value)(Vector, Vector, Vector)>
void three(float* to, const float* a, const float* b, const float* c, Int n) {
    sweep<unroll>(to, n,
                  [a, b, c](Int i) { return value(load(a + i), load(b + i), load(c + i)); });
}

#define CHAINRULE_RUN_1(name) one<unrolled(Opcode::name), op::name>,
#define CHAINRULE_RUN_2(name) two<unrolled(Opcode::name), op::name>,
#define CHAINRULE_RUN_3(name) three<unrolled(Opcode::name), op::name>,
#define CHAINRULE_RUN_0(name) nullptr,
constexpr Elementwise elementwise[] = {
    CHAINRULE_OPCODES(CHAINRULE_RUN_1, CHAINRULE_RUN_2, CHAINRULE_RUN_3, CHAINRULE_RUN_0, CHAINRULE_RUN_0)};
#undef CHAINRULE_RUN_1
#undef CHAINRULE_RUN_2
#undef CHAINRULE_RUN_3
#undef CHAINRULE_RUN_0

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
