#pragma once

// The one list of what the kernel `loop` can do. Each number is the place in its list; Python reads the names from the
// extension (src/chainrule/engine/native/instruction.py), so nothing is counted twice.

#include <cstdint>

namespace chainrule {

// ONE(x): x from operand a. TWO: from a and b. THREE: from a, b and c. ROW: over the columns of a row, its result in
// every column. SPECIAL: operands of their own kind: the slots of seed and step, and a stream (see philox.py); a tile,
// and a column index for each row. muladd is a b + c; where is b if a is not 0, else c; where_positive is b if a > 0,
// else 0: the gate of ReLU. A truth is 1 or 0.
#define CHAINRULE_OPCODES(ONE, TWO, THREE, ROW, SPECIAL)                                                           \
    ONE(copy) TWO(add) TWO(sub) TWO(mul) TWO(div) ONE(neg)                                                         \
    ONE(exp) ONE(expm1) ONE(log) ONE(log1p) ONE(sqrt) ONE(rsqrt) ONE(reciprocal)                                   \
    ONE(sigmoid) ONE(softplus) ONE(tanh) ONE(relu) TWO(leaky_relu) TWO(elu) ONE(gelu) ONE(silu) ONE(erf)           \
    ONE(abs) ONE(sign) ONE(floor) ONE(ceil) ONE(round)                                                             \
    TWO(power) TWO(maximum) TWO(minimum) THREE(clip) THREE(where)                                                  \
    TWO(less) TWO(less_equal) TWO(greater) TWO(greater_equal) TWO(equal) TWO(not_equal)                            \
    TWO(logical_and) TWO(logical_or) ONE(logical_not)                                                              \
    TWO(mod) TWO(floor_divide) ONE(square) THREE(muladd)                                                           \
    ONE(sin) ONE(cos) ONE(tan) ONE(arcsin) ONE(arccos) ONE(arctan) TWO(arctan2)                                    \
    ONE(sinh) ONE(cosh) ONE(arcsinh) ONE(arccosh) ONE(arctanh)                                                     \
    TWO(where_positive) SPECIAL(uniform)                                                                           \
    ROW(rowsum) ROW(rowmax) ROW(rowmin) ROW(rowargmax) ROW(rowargmin) SPECIAL(take_column)

// Where an input comes from, in a domain of R rows and C columns. full: [R, C], vector: [C], column: [R], scalar: one
// number; of float32 where nothing else is said. parts: partial sums, added in order. constant: float32 in the
// instruction. position: the element's index in the whole segment; column_index: 0 .. C - 1. raw: the low 32 bits, for
// uniform.
#define CHAINRULE_LOADS(LOAD)                                                                                      \
    LOAD(full) LOAD(vector) LOAD(column) LOAD(scalar) LOAD(constant)                                               \
    LOAD(full_bool) LOAD(column_int64) LOAD(scalar_int64) LOAD(column_bool)                                        \
    LOAD(full_parts) LOAD(vector_parts) LOAD(scalar_parts) LOAD(position) LOAD(column_index) LOAD(scalar_raw)

// Where an output goes. column: one number a row, that of the first column. Those that join rows (column_sum to
// moments) start in the first chunk of a task and are continued in the later ones; moments are counts, means, what
// float32 leaves of the means, and sums of squared distances from the mean, [4, C]. scalar: the first element.
#define CHAINRULE_STORES(STORE)                                                                                    \
    STORE(full) STORE(full_bool) STORE(column) STORE(column_sum) STORE(column_max) STORE(column_min)               \
    STORE(total_sum) STORE(total_max) STORE(moments) STORE(scalar) STORE(column_int64)

#define CHAINRULE_NAME(name) name,
enum class Opcode : std::int64_t {
    CHAINRULE_OPCODES(CHAINRULE_NAME, CHAINRULE_NAME, CHAINRULE_NAME, CHAINRULE_NAME, CHAINRULE_NAME) opcodes
};
enum class Load : std::int64_t { CHAINRULE_LOADS(CHAINRULE_NAME) loads };
enum class Store : std::int64_t { CHAINRULE_STORES(CHAINRULE_NAME) stores };
#undef CHAINRULE_NAME

#define CHAINRULE_TEXT(name) #name,
constexpr const char* opcode_names[] = {
    CHAINRULE_OPCODES(CHAINRULE_TEXT, CHAINRULE_TEXT, CHAINRULE_TEXT, CHAINRULE_TEXT, CHAINRULE_TEXT)};
constexpr const char* load_names[] = {CHAINRULE_LOADS(CHAINRULE_TEXT)};
constexpr const char* store_names[] = {CHAINRULE_STORES(CHAINRULE_TEXT)};
#undef CHAINRULE_TEXT

}  // namespace chainrule
