#include <algorithm>
#include <stdexcept>
#include <string>

#include "code.hpp"
#include "needs.hpp"

namespace chainrule {
namespace {

constexpr Int most_workspace = Int{1} << 30, most_scratch = Int{1} << 32, most_calls = Int{1} << 28;

// A chunk: of the rows [row, row + rows), in this task.
struct Chunk {
    Int row, rows, task;
};

Int first_row(const Segment& segment, Int task) { return segment.rows * task / segment.tasks; }

// The last chunk of each size that a task has: its full ones, if any, and what is left.
void add_last_chunks(const Segment& segment, Int task, std::vector<Chunk>& chunks) {
    const Int row = first_row(segment, task), rows = first_row(segment, task + 1) - row;
    const Int size = segment.chunk_rows == 0 ? std::max(rows, Int{1}) : segment.chunk_rows;
    const Int full = rows / size, left = rows % size;
    if (full > 0) chunks.push_back({row + (full - 1) * size, size, task});
    if (left > 0 || full == 0) chunks.push_back({row + full * size, left, task});
}

// One chunk of each size, the one that reaches furthest: offsets never fall with rows or tasks. Tasks come in two
// sizes; the last one is of the larger.
std::vector<Chunk> furthest_chunks(const Segment& segment) {
    std::vector<Chunk> chunks;
    add_last_chunks(segment, segment.tasks - 1, chunks);
    const Int smaller = segment.rows / segment.tasks;
    if (segment.rows % segment.tasks == 0) return chunks;
    Int task = segment.tasks - 2;
    while (first_row(segment, task + 1) - first_row(segment, task) != smaller) --task;
    add_last_chunks(segment, task, chunks);
    return chunks;
}

Int space_bytes(const Code& code, Int space) {
    if (space == arena) return code.arena_bytes;
    if (space == scratch) return code.scratch_bytes;
    return code.arrays[space - first_array].bytes;
}

// The first byte behind what an operand needs of its space.
Int end_of(const Operand& operand, const Chunk& chunk, Int bytes) {
    const Int row = operand.space == scratch ? 0 : chunk.row;
    const Int start = plus(times(row, operand.row_bytes), times(chunk.task, operand.task_bytes));
    return plus(plus(operand.offset, start), bytes);
}

void require_inside(const Code& code, const Instruction& instruction, const Chunk& chunk, const Needs& needs) {
    require(needs.bytes.size() == instruction.operands.size(), "it has another number of operands");
    for (std::size_t i = 0; i < needs.bytes.size(); ++i) {
        const Operand& operand = instruction.operands[i];
        require(needs.bytes[i] >= 0, "a size is negative");
        if (needs.bytes[i] == 0 || end_of(operand, chunk, needs.bytes[i]) <= space_bytes(code, operand.space)) continue;
        throw std::invalid_argument("operand " + std::to_string(i) + " ends at byte " +
                                    std::to_string(end_of(operand, chunk, needs.bytes[i])) + " of space " +
                                    std::to_string(operand.space) + ", which has " +
                                    std::to_string(space_bytes(code, operand.space)));
    }
}

void check_uses(Code& code, const Instruction& instruction) {
    const auto uses = uses_of(instruction);
    for (std::size_t i = 0; i < uses.size(); ++i) {
        const auto& [space, offset, row_bytes, task_bytes] = instruction.operands[i];
        const Int alignment = uses[i].alignment;
        require((offset | row_bytes | task_bytes) % alignment == 0, "an operand is not aligned");
        if (space < first_array) continue;
        ArrayInfo& array = code.arrays[space - first_array];
        require(array.writable || !uses[i].written, "it writes to an array that is read only");
        array.alignment = std::max(array.alignment, alignment);
    }
}

// A pack's last panel may be narrower, which its kernel knows by the panel's number. So what a chunk reads is what a
// pack of the columns from its first panel on would read.
std::vector<Int> pack_from(const Chunk& chunk, const Operand& src, std::vector<Int> ints) {
    constexpr Int panel = 16, float_bytes = 4;
    Int& columns = ints[0];
    const Int column_stride = ints[7];
    require(src.row_bytes >= times(column_stride, panel * float_bytes), "its panels overlap");
    columns = std::max(plus(columns, -times(panel, chunk.row)), Int{0});
    return ints;
}

Needs needs_in(const Chunk& chunk, const Instruction& instruction) {
    const auto& [kind, ints, operands] = instruction;
    const auto count = static_cast<Int>(operands.size());
    const Needs needs = needs_of(kind)(ints, count, chunk.rows);
    if (kind != Kind::pack || operands[1].space == scratch) return needs;
    return needs_of(kind)(pack_from(chunk, operands[1], ints), count, chunk.rows);
}

void check_instruction(Code& code, const std::vector<Chunk>& chunks, const Instruction& instruction) {
    for (const Chunk& chunk : chunks) {
        const Needs needs = needs_in(chunk, instruction);
        require(needs.workspace >= 0 && needs.workspace <= most_workspace, "its workspace is absurdly large");
        code.workspace_bytes = std::max(code.workspace_bytes, needs.workspace);
        require_inside(code, instruction, chunk, needs);
    }
    check_uses(code, instruction);
}

void check_numbered(Code& code, const std::vector<Chunk>& chunks, const Instruction& instruction, Int number) {
    try {
        check_instruction(code, chunks, instruction);
    } catch (const std::invalid_argument& error) {
        const std::string name = kind_names[static_cast<Int>(instruction.kind)];
        throw std::invalid_argument("instruction " + std::to_string(number) + " (" + name + "): " + error.what());
    }
}

Int calls_of(const Segment& segment) {
    const Int chunks = segment.chunk_rows == 0 ? 0 : segment.rows / segment.chunk_rows;
    return times(plus(chunks, segment.tasks), 1 + static_cast<Int>(segment.instructions.size()));
}

}  // namespace

void check_code(Code& code) {
    require(code.scratch_bytes <= most_scratch, "the scratch is absurdly large");
    Int number = 0, calls = 0;
    for (const Stage& stage : code.stages) {
        for (const Segment& segment : stage) {
            calls = plus(calls, calls_of(segment));
            require(calls <= most_calls, "the program is absurdly long");
            const auto chunks = furthest_chunks(segment);
            for (const auto& instruction : segment.instructions) check_numbered(code, chunks, instruction, number++);
        }
    }
}

}  // namespace chainrule
