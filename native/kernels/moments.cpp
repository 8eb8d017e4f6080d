// The kernel `moments`: the tasks' counts, means and squares of a loop (store `moments`) become one mean and variance.

#include "../program/instruction.hpp"
#include "vector.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

constexpr Int block = 64;  // columns at a time, in float64

struct Merged {
    double mean[block], squares[block];
};

// Chan, Golub and LeVeque (1979). The count is that of all columns; a task without rows changes nothing.
double merge(Merged& merged, double before, const float* part, Int columns, Int begin, Int width) {
    const float *counts = part, *means = part + columns + begin, *rests = means + columns, *squares = rests + columns;
    const double count = static_cast<double>(counts[begin]), all = before + count;
    if (!(count > 0.0)) return before;
    const double share = count / all, rest = before / all;
    for (Int i = 0; i < width; ++i) {
        const double mean = static_cast<double>(means[i]) + static_cast<double>(rests[i]);
        const double delta = mean - merged.mean[i];
        merged.mean[i] = merged.mean[i] * rest + mean * share;
        merged.squares[i] += static_cast<double>(squares[i]) + delta * delta * (rest * count);
    }
    return all;
}

}  // namespace

void moments(const Call& call) {
    if (call.rows == 0) return;
    const Int columns = call.ints[0], parts = call.ints[1];
    auto *mean = reinterpret_cast<float*>(call.at[0]), *variance = reinterpret_cast<float*>(call.at[1]);
    const auto* from = reinterpret_cast<const float*>(call.at[2]);
    for (Int begin = 0; begin < columns; begin += block) {
        const Int width = columns - begin < block ? columns - begin : block;
        Merged merged{};
        double count = 0.0;
        for (Int part = 0; part < parts; ++part) {
            count = merge(merged, count, from + part * 4 * columns, columns, begin, width);
        }
        for (Int i = 0; i < width; ++i) {
            mean[begin + i] = static_cast<float>(count > 0.0 ? merged.mean[i] : 0.0 / count);
            variance[begin + i] = static_cast<float>(merged.squares[i] / count);
        }
    }
}

}  // namespace chainrule::CHAINRULE_PATH
