#pragma once

// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011), bit for bit as src/chainrule/philox.py, many counters at once.

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// One 32-bit word of lanes / 2 counters: the low half of each element; the high half may hold anything.
typedef std::uint64_t Words __attribute__((vector_size(lanes * 4)));

constexpr int words_per_vector = lanes / 2;
constexpr int philox_counters = 2 * words_per_vector;  // at once, in two vectors; each gives four numbers

// The 64 bits of the products of low halves. Compilers do not see that one instruction does this.
CHAINRULE_INLINE Words product(Words a, std::uint32_t factor) {
    const Words b = std::uint64_t{factor} - Words{};
#if defined(CHAINRULE_LANES) || !defined(__x86_64__)
    return (a & 0xFFFFFFFFU) * b;
#elif defined(__AVX512F__)
    return (Words)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);  // the plain one has a warning in GCC 12
#elif defined(__AVX2__)
    return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
    return (Words)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

struct Key {
    std::uint32_t seed, stream, step;
};

// Numbers of `words`: the top 24 bits times 2^-24, in [0, 1).
CHAINRULE_INLINE Vector unit_interval(Words even, Words odd) {
    typedef std::uint32_t Bits __attribute__((vector_size(lanes * 4)));
    const Words pairs = (even & 0xFFFFFFFFU) | (odd << 32);
    return __builtin_convertvector((Mask)((Bits)pairs >> 8), Vector) * 0x1p-24F;
}

// The numbers of philox_counters counters from `first` on, in order.
inline void philox_uniform(float* to, std::uint32_t first, Key key) {
    Words words[2][4] = {};
    for (int half = 0; half < 2; ++half) {
        Words counters{};
        for (int i = 0; i < words_per_vector; ++i) {
            counters[i] = first + static_cast<std::uint32_t>(half * words_per_vector + i);
        }
        words[half][0] = counters;
        words[half][1] = key.step - Words{};
    }
    for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
            Words(&word)[4] = words[half];
            const Words p0 = product(word[0], 0xD2511F53U), p1 = product(word[2], 0xCD9E8D57U);
            word[0] = (p1 >> 32) ^ word[1] ^ key.seed;
            word[1] = p1;
            word[2] = (p0 >> 32) ^ word[3] ^ key.stream;
            word[3] = p0;
        }
        key.seed += 0x9E3779B9U;
        key.stream += 0xBB67AE85U;
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
        const Words front = (Words)unit_interval(words[half][0], words[half][1]);
        const Words back = (Words)unit_interval(words[half][2], words[half][3]);
        for (int i = 0; i < words_per_vector; ++i) {
            const std::uint64_t four[] = {front[i], back[i]};
            std::memcpy(to + 4 * (half * words_per_vector + i), four, sizeof four);
        }
    }
}

// `count` numbers for the positions from `position` on.
inline void uniform(float* to, std::int64_t count, std::uint64_t position, Key key) {
    constexpr std::int64_t block_floats = 4 * philox_counters;
    auto counter = static_cast<std::uint32_t>(position / 4);
    const auto skip = static_cast<std::int64_t>(position % 4);
    std::int64_t done = 0;
    if (skip == 0) {
        for (; done + block_floats <= count; done += block_floats, counter += philox_counters) {
            philox_uniform(to + done, counter, key);
        }
    }
    for (std::int64_t from = skip; done < count; from = 0, counter += philox_counters) {
        float block[block_floats];
        philox_uniform(block, counter, key);
        const std::int64_t some = block_floats - from < count - done ? block_floats - from : count - done;
        std::memcpy(to + done, block + from, static_cast<std::size_t>(some) * 4);
        done += some;
    }
}

}  // namespace
}  // namespace chainrule::CHAINRULE_PATH
