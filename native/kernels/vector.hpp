#pragma once

// Vectors of one path: `lanes` floats that the compiler keeps in one register. Everything here is written with the
// vector extensions of GCC and Clang, so one source serves every instruction set.

#include <cstdint>
#include <cstring>

namespace chainrule::CHAINRULE_PATH {
namespace {

#if defined(CHAINRULE_LANES)
constexpr int lanes = CHAINRULE_LANES;
#elif defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif

typedef float Vector __attribute__((vector_size(lanes * 4)));
typedef std::int32_t Mask __attribute__((vector_size(lanes * 4)));  // -1 where a comparison holds, else 0

#define CHAINRULE_INLINE __attribute__((always_inline)) inline

CHAINRULE_INLINE Vector load(const float* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

CHAINRULE_INLINE void store(float* to, Vector vector) { std::memcpy(to, &vector, sizeof vector); }

// `s - Vector{}` is a plain broadcast; `Vector{} + s` would be a real addition.
CHAINRULE_INLINE Vector broadcast(float s) { return s - Vector{}; }

// The first `count` lanes, zeros behind them; nothing behind them is read.
CHAINRULE_INLINE Vector load_first(const float* from, std::int64_t count) {
    Vector vector{};
    std::memcpy(&vector, from, static_cast<std::size_t>(count) * 4);
    return vector;
}

CHAINRULE_INLINE void store_first(float* to, Vector vector, std::int64_t count) {
    std::memcpy(to, &vector, static_cast<std::size_t>(count) * 4);
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
