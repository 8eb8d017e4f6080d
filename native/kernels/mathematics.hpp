#pragma once

// Exponentials, logarithms and their kin for vectors of float32, within about 2 ulp over the whole range. Each is a
// range reduction and a polynomial. The polynomials are minimax fits of this project (iteratively reweighted least
// squares on Chebyshev points in 40 digits, weighted for relative error); a comment says of what and where.
// They need no multiply-add unit, but gain from one: the compiler fuses what is written as a * b + c.

#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

typedef std::uint32_t Bits __attribute__((vector_size(lanes * 4)));  // for differences that may wrap around

constexpr float infinity = __builtin_inff();

CHAINRULE_INLINE Mask broadcast_bits(std::int32_t s) { return s - Mask{}; }
CHAINRULE_INLINE Vector select(Mask condition, Vector yes, Vector no) { return condition ? yes : no; }
CHAINRULE_INLINE Mask select(Mask condition, Mask yes, Mask no) { return condition ? yes : no; }
CHAINRULE_INLINE Mask sign_bit(Vector x) { return (Mask)x & broadcast_bits(INT32_MIN); }
CHAINRULE_INLINE Vector magnitude(Vector x) { return (Vector)((Mask)x & broadcast_bits(INT32_MAX)); }
CHAINRULE_INLINE Vector with_sign(Vector size, Vector sign) { return (Vector)((Mask)size | sign_bit(sign)); }

// A NaN passes through; of a limit that is a NaN nothing is promised.
CHAINRULE_INLINE Vector at_most(Vector x, float limit) { return select(x > limit, broadcast(limit), x); }
CHAINRULE_INLINE Vector at_least(Vector x, float limit) { return select(x < limit, broadcast(limit), x); }

// The first coefficient belongs to the highest power (Horner's rule).
template <int count>
CHAINRULE_INLINE Vector polynomial(Vector x, const float (&coefficients)[count]) {
    Vector y = broadcast(coefficients[0]);
#pragma GCC unroll 16
    for (int i = 1; i < count; ++i) y = y * x + coefficients[i];
    return y;
}

// 2^k for -127 < k < 128.
CHAINRULE_INLINE Vector power_of_two(Mask k) { return (Vector)((k + 127) << 23); }

// ln 2 in two parts (Cody and Waite, 1980): the first has 9 bits, so that its product with a small integer is exact.
constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;

// x = n ln 2 + r with |r| <= ln(2) / 2, for |x| < 2^20; and (e^r - 1) without the rounding of the 1.
struct Reduced {
    Mask n;
    Vector expm1;
};

CHAINRULE_INLINE Reduced reduce(Vector x) {
    constexpr float to_integer = 12582912.0F;  // 1.5 * 2^23: a sum with it has no place for a fraction
    const Vector shifted = x * 1.44269504F + to_integer;
    const Vector n = shifted - to_integer;
    const Vector r = (x - n * ln2_high) - n * ln2_low;
    // (e^r - 1 - r) / r^2, error 0.05 * 2^-24
    const Vector q = polynomial(r, {0.00139504462F, 0.00836888608F, 0.041666206F, 0.166665196F, 0.5F});
    return {(Mask)shifted - (Mask)broadcast(to_integer), r * r * q + r};
}

CHAINRULE_INLINE Vector exp(Vector x) {
    const Reduced reduced = reduce(at_least(at_most(x, 89.0F), -104.0F));
    // In two halves, because 2^128 and the denormals below 2^-126 have no power of two of their own.
    const Mask half = reduced.n >> 1;
    return (1.0F + reduced.expm1) * power_of_two(half) * power_of_two(reduced.n - half);
}

CHAINRULE_INLINE Vector expm1(Vector x) {
    const Reduced reduced = reduce(at_least(at_most(x, 89.0F), -25.0F));
    const Vector scale = power_of_two(reduced.n - 1);  // half of it, because n may be 128
    const Vector y = 2.0F * (scale * reduced.expm1 + (scale - 0.5F));
    return select(magnitude(x) < 0x1p-24F, x, y);  // keeps denormals and the sign of 0
}

// The exponent e and f of a positive number m 2^e, m = 1 + f in [sqrt(1/2), sqrt(2)).
struct Split {
    Mask exponent;
    Vector fraction;
};

CHAINRULE_INLINE Split split(Vector x) {
    const Mask root_half = broadcast_bits(0x3f3504f3), above = (Mask)((Bits)x - (Bits)root_half);
    return {above >> 23, (Vector)((above & 0x7fffff) + root_half) - 1.0F};
}

// ln((1 + f) 2^e)
CHAINRULE_INLINE Vector log_of_split(Vector e, Vector f) {
    // (ln(1 + f) - f + f^2 / 2) / f^3, error 0.01 * 2^-24
    const Vector p = polynomial(f, {0.0691798404F, -0.117796667F, 0.118660353F, -0.123857982F, 0.142199188F,
                                    -0.166691974F, 0.20002152F, -0.249999866F, 0.333333105F});
    const Vector square = f * f;
    const Vector rest = (square * f * p + e * ln2_low) - 0.5F * square;
    return (rest + f) + e * ln2_high;
}

// y where x > 0 is an ordinary number, else what a logarithm has there.
CHAINRULE_INLINE Vector log_at_limits(Vector x, Vector y) {
    y = select(x == infinity, x, y);
    y = select(x == 0.0F, broadcast(-infinity), y);
    return select(x >= 0.0F, y, broadcast(__builtin_nanf("")));
}

CHAINRULE_INLINE Vector log(Vector x) {
    const Mask denormal = x < 0x1p-126F;
    const Split s = split(select(denormal, x * 0x1p25F, x));
    const Mask exponent = s.exponent - (denormal & 25);
    return log_at_limits(x, log_of_split(__builtin_convertvector(exponent, Vector), s.fraction));
}

// By the rounded sum u = 1 + x, whose error joins the fraction (Kahan's correction).
CHAINRULE_INLINE Vector log1p(Vector x) {
    const Vector u = 1.0F + x;
    const Vector error = select(x > 1.0F, 1.0F - (u - x), x - (u - 1.0F));
    const Split s = split(u);
    const Mask shift = s.exponent > 100 ? broadcast_bits(100) : s.exponent;
    const Vector f = s.fraction + error * power_of_two(-shift);
    const Vector y = log_at_limits(u, log_of_split(__builtin_convertvector(s.exponent, Vector), f));
    return select(magnitude(x) < 0x1p-24F, x, y);
}

CHAINRULE_INLINE Vector sigmoid(Vector x) {
    const Vector e = exp(-magnitude(x));
    return select(x >= 0.0F, broadcast(1.0F), e) / (1.0F + e);
}

CHAINRULE_INLINE Vector softplus(Vector x) { return select(x > 0.0F, x, Vector{}) + log1p(exp(-magnitude(x))); }

CHAINRULE_INLINE Vector tanh(Vector x) {
    const Vector size = magnitude(x), square = x * x;
    // (tanh(x) / x - 1) / x^2 below 0.625, error 0.07 * 2^-24
    const Vector p =
        polynomial(square, {-0.00571749546F, 0.0206510425F, -0.0537436604F, 0.133314937F, -0.333332837F});
    const Vector near = size * (square * p) + size;
    const Vector far = 1.0F - 2.0F / (exp(size + size) + 1.0F);
    return with_sign(select(size < 0.625F, near, far), x);
}

// erf(x) for 0 <= x <= 1: (erf(x) - x) / x, error 0.02 * 2^-24
CHAINRULE_INLINE Vector erf_near(Vector x) {
    const Vector p = polynomial(x * x, {7.8891193e-05F, -0.000802084105F, 0.00518953521F, -0.0268544443F, 0.112836003F,
                                        -0.37612626F, 0.128379166F});
    return x * p + x;
}

// erfc(x) = 1 - erf(x) for x >= 1 (0 from 10.05 on), as e^g(x - 1). The error of g, in units of 2^-24, is 0.1 / erfc(x)
// near 1, as erf needs it, and at most 5 later.
CHAINRULE_INLINE Vector erfc_far(Vector x) {
    const Vector g = polynomial(at_most(x, 10.05F) - 1.0F,
                                {5.02218276e-12F, -4.28605262e-10F, 1.57747611e-08F, -3.38288686e-07F, 4.792048e-06F,
                                 -4.8172169e-05F, 0.000361600192F, -0.00211844174F, 0.0101310313F, -0.0415948555F,
                                 -0.843104064F, -2.63896704F, -1.84960556F});
    return exp(g);
}

CHAINRULE_INLINE Vector erf(Vector x) {
    const Vector size = magnitude(x);
    return with_sign(select(size < 1.0F, erf_near(size), 1.0F - erfc_far(size)), x);
}

// x P(X <= x) for a standard normal X; the share beyond |x| is exact also where it is small.
CHAINRULE_INLINE Vector gelu(Vector x) {
    const Vector t = magnitude(x) * 0.707106781F;
    const Vector beyond = select(t < 1.0F, 0.5F - 0.5F * erf_near(t), 0.5F * erfc_far(t));
    return x * select(x > 0.0F, 1.0F - beyond, beyond);
}

// Half-way cases go to the even integer, as in NumPy: the sum with 2^23 has no place for a fraction.
CHAINRULE_INLINE Vector round(Vector x) {
    const Vector size = magnitude(x);
    const Vector whole = (size + 0x1p23F) - 0x1p23F;
    return select(size < 0x1p23F, with_sign(whole, x), x);
}

CHAINRULE_INLINE Vector floor(Vector x) {
    const Vector nearest = round(x);
    return select(nearest > x, nearest - 1.0F, nearest);
}

CHAINRULE_INLINE Vector ceil(Vector x) { return -floor(-x); }

CHAINRULE_INLINE Vector sqrt(Vector x) {
    for (int i = 0; i < lanes; ++i) x[i] = __builtin_sqrtf(x[i]);
    return x;
}

// NaN wins, whichever side it is on, as in NumPy.
CHAINRULE_INLINE Vector maximum(Vector a, Vector b) { return select(a != a, a, select(a > b, a, b)); }
CHAINRULE_INLINE Vector minimum(Vector a, Vector b) { return select(a != a, a, select(a < b, a, b)); }

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
