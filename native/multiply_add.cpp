// The multiply-add kernel, compiled once for each path (CHAINRULE_PATH, set by CMakeLists.txt with that path's flags).
// It is the inner loop of a matrix product: a tile of vector accumulators that stays in registers, each gaining
// a[i] b[j] a round. They are independent, and enough to hide the latency of the addition.

#include <atomic>
#include <cstring>
#include <numeric>
#include <utility>

#include "paths.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// rows * columns accumulators, the a and at least one b must fit the registers: 32 on AVX-512 and NEON, else 16.
#if defined(__AVX512F__)
constexpr int lanes = 16, rows = 4, columns = 6;
#elif defined(__AVX2__)
constexpr int lanes = 8, rows = 3, columns = 4;
#elif defined(__aarch64__)
constexpr int lanes = 4, rows = 4, columns = 5;
#else
constexpr int lanes = 4, rows = 2, columns = 4;
#endif
static_assert((rows + columns) * lanes <= operand_floats);

typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));

Vector load(const float* ones, int index) {
    Vector vector;
    std::memcpy(&vector, ones + index * lanes, sizeof vector);
    return vector;
}

double total(const Vector& vector) {
    float lane[lanes];
    std::memcpy(lane, &vector, sizeof vector);
    return std::accumulate(lane, lane + lanes, 0.0);
}

// Every index into the tile is a constant (a fold, not a loop): only then do compilers keep the tile in registers.
template <int... tile>
double multiply_add(const float* ones, int rounds, std::integer_sequence<int, tile...>) {
    Vector sums[sizeof...(tile)] = {};
    for (int round = 0; round < rounds; ++round) {
        // The operands are read anew each round; otherwise the products would be taken out of the loop.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        ((sums[tile] = sums[tile] + load(ones, tile % rows) * load(ones, rows + tile / rows)), ...);
    }
    return total((sums[tile] + ...));
}

}  // namespace

double multiply_add(const float* ones, int rounds) {
    return multiply_add(ones, rounds, std::make_integer_sequence<int, rows * columns>());
}

}  // namespace chainrule::CHAINRULE_PATH
