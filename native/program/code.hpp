#pragma once

// A program as Python writes it, read into structures and checked. Nothing here is trusted: what is wrong with a
// program is a std::invalid_argument, before anything is allocated or run.

#include <cstddef>
#include <vector>

#include "instruction.hpp"

namespace chainrule {

// An array of Python's that the program works on.
struct ArrayInfo {
    Int bytes;
    bool writable;
    Int alignment = 1;  // of its address, as its instructions need it
};

// Task t of `tasks` has the rows [rows * t / tasks, rows * (t + 1) / tasks). It works through them in chunks of
// `chunk_rows` (0: all in one), each with all instructions.
struct Segment {
    Int rows, tasks, chunk_rows;
    std::vector<Instruction> instructions;
};

// The tasks of all its segments are independent of each other.
using Stage = std::vector<Segment>;

struct Code {
    Int arena_bytes, scratch_bytes;
    std::vector<ArrayInfo> arrays;
    std::vector<Stage> stages;
    Int workspace_bytes = 0;  // the most that any instruction needs
};

// version, arena_bytes, scratch_bytes, n_arrays, n_arrays x (bytes, writable), n_stages, then
//   for each stage n_segments, then
//     for each segment rows, tasks, chunk_rows, n_instructions, then
//       for each instruction kind, n_ints, ints, n_operands, n_operands x (space, offset, row_bytes, task_bytes).
constexpr Int code_version = 1;
constexpr Int most_operands = 256;  // of an instruction
Code read_code(const Int* numbers, std::size_t count);

// Where an instruction's operand is written, and the alignment it needs of its address.
struct Use {
    bool written;
    Int alignment;
};

// The use of each operand of an instruction whose integers have been checked.
std::vector<Use> uses_of(const Instruction& instruction);

// Checks that no chunk of any task leaves its spaces, and fills in workspace_bytes and the arrays' alignment.
void check_code(Code& code);

}  // namespace chainrule
