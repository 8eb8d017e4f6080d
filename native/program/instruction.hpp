#pragma once

#include <cstdint>
#include <vector>

namespace chainrule {

using Int = std::int64_t;

// What one instruction computes. Its integers and operands: native/README.md; src/chainrule/engine/native/ writes them.
enum class Kind : Int {
    loop, gemm, pack, pack_winograd, conv, conv_kernel,
    max_pool, pool_scatter, pool_gather, pool_sum, pool_spread, copy, moments, kinds
};

// Where an operand stands. Of a segment's rows an instruction gets a chunk; its operand then starts at
//   base[space] + offset + row * row_bytes + task * task_bytes,
// with row counted from the start of the chunk in the scratch of the thread, from the start of the segment elsewhere.
struct Operand {
    Int space, offset, row_bytes, task_bytes;
};
enum Space : Int { arena = 0, scratch = 1, first_array = 2 };

struct Instruction {
    Kind kind;
    std::vector<Int> ints;
    std::vector<Operand> operands;
};

// What goes wrong while a program runs; the first one is reported. `where` is the number of the instruction.
struct Fault {
    Int where = -1, row = 0, value = 0;
};

// One chunk of one instruction, with its operands found.
struct Call {
    const Int* ints;
    char* const* at;   // one address for each operand, then nullptr
    Int rows, row;     // how many rows of the segment, and the first of them
    Int task;
    bool first;        // the first chunk of its task: what is reduced for the task starts here, later chunks add to it
    char* workspace;   // as many bytes as the kernel's `needs` asked for; aligned to 64, not cleared
    Fault* fault;
};

using Kernel = void (*)(const Call&);

// What an instruction will touch: `bytes` behind each operand's address for a chunk of `rows` rows, and the workspace.
struct Needs {
    std::vector<Int> bytes;
    Int workspace = 0;
};

// Checks an instruction's integers and says what it needs; throws std::invalid_argument for what our compiler never
// writes.
using NeedsOf = Needs (*)(const std::vector<Int>& ints, Int operands, Int rows);

}  // namespace chainrule
