// What the kernels `loop` and `moments` touch. The integers of a loop are in loop_shape.hpp, those of moments are c
// (columns) and parts (how many results of tasks are merged).

#include "../kernels/loop_shape.hpp"
#include "needs.hpp"

namespace chainrule {
namespace {

constexpr Int most_columns_of_row_ops = Int{1} << 24;  // a float32 holds any index of a column
constexpr Int most_workspace = Int{1} << 30;
constexpr Int most_unseen = Int{1} << 28;  // elements that no operand holds: a mistyped size must not run for hours

// What a slot holds when an op looks at it.
enum Content : unsigned char { nothing, number, raw, row_of_numbers };  // raw: an integer; the last: all rows alike

bool of_rows(unsigned char content) { return content == row_of_numbers || content == raw; }

void check_counts(const std::vector<Int>& ints) {
    require(ints.size() >= 7, "loop: too few integers");
    require_from(0, {ints[0], ints[1]}, "loop: a size is negative or absurdly large");
    require(ints[2] >= 0 && ints[2] <= most_slots, "loop: the number of slots is out of range");
    require(ints[3] >= 0 && ints[3] <= most_slots, "loop: the number of inputs is out of range");
    require(ints[4] >= 0 && ints[4] <= most_outputs, "loop: the number of outputs is out of range");
    require(ints[5] >= 0 && ints[5] <= most_ops && ints[6] >= 0 && ints[6] <= most_ops,
            "loop: the number of ops is out of range");
    const Int expected = 7 + 4 * ints[3] + 5 * (ints[5] + ints[6]) + 2 * ints[4];
    require(static_cast<Int>(ints.size()) == expected, "loop: the integers are not as many as its counts say");
}

void check_inputs(const LoopCode& code, std::vector<unsigned char>& content) {
    for (Int i = 0; i < code.inputs; ++i) {
        const Input& input = code.input[i];
        require(input.slot >= 0 && input.slot < code.slots, "loop: an input's slot is out of range");
        require(content[input.slot] == nothing, "loop: two inputs have the same slot");
        require(input.load >= 0 && input.load < static_cast<Int>(Load::loads), "loop: no such load");
        const auto load = static_cast<Load>(input.load);
        if (load == Load::full_parts || load == Load::vector_parts || load == Load::scalar_parts) {
            require_from(1, {input.count}, "loop: the number of parts is out of range");
            require(input.bits >= 0 && input.bits < too_large && input.bits % 4 == 0,
                    "loop: the distance of parts is no multiple of 4 bytes");
        }
        const bool bits = load == Load::constant && input.bits >= INT32_MIN && input.bits <= Int{UINT32_MAX};
        require(load != Load::constant || bits, "loop: a constant has more than 32 bits");
        content[input.slot] = load == Load::scalar_raw ? raw : is_row(load) ? row_of_numbers : number;
    }
}

bool has_bits(const LoopCode& code, Int slot) {
    for (Int i = 0; i < code.inputs; ++i) {
        const auto load = static_cast<Load>(code.input[i].load);
        if (code.input[i].slot == slot) return load == Load::scalar_raw || load == Load::constant;
    }
    return false;
}

void check_op(const LoopCode& code, const Op& op, bool first, std::vector<unsigned char>& content) {
    require(op.opcode >= 0 && op.opcode < static_cast<Int>(Opcode::opcodes), "loop: no such opcode");
    const auto opcode = static_cast<Opcode>(op.opcode);
    const Int from[] = {op.a, op.b, op.c};
    for (int i = 0; i < slots_of[op.opcode]; ++i) {
        require(from[i] >= 0 && from[i] < code.slots, "loop: an op reads a slot out of range");
        require(content[from[i]] != nothing, "loop: an op reads a slot that nothing has written");
        require(!first || of_rows(content[from[i]]), "loop: a first op reads what differs between rows");
        require(opcode == Opcode::uniform ? has_bits(code, from[i]) : content[from[i]] != raw,
                "loop: an op and its slot differ about raw integers");
    }
    if (opcode == Opcode::uniform) {
        require(op.c >= 0 && op.c <= Int{UINT32_MAX}, "loop: a stream of uniform has more than 32 bits");
    }
    require(!first || (opcode != Opcode::uniform && opcode != Opcode::take_column), "loop: no first op can do this");
    require(op.to >= 0 && op.to < code.slots, "loop: an op writes a slot out of range");
}

// Slots of inputs and of first ops are filled once: no later op may write them.
void check_ops(const LoopCode& code, std::vector<unsigned char>& content) {
    std::vector<bool> kept(content.size());
    for (Int i = 0; i < code.inputs; ++i) kept[code.input[i].slot] = true;
    for (Int i = 0; i < code.first_ops; ++i) {
        check_op(code, code.op[i], true, content);
        require(!kept[code.op[i].to], "loop: an op overwrites an input");
        content[code.op[i].to] = row_of_numbers;
    }
    for (Int i = 0; i < code.first_ops; ++i) kept[code.op[i].to] = true;
    for (Int i = code.first_ops; i < code.first_ops + code.ops; ++i) {
        check_op(code, code.op[i], false, content);
        require(!kept[code.op[i].to], "loop: an op overwrites an input or a first op's result");
        content[code.op[i].to] = number;
    }
}

void check_outputs(const LoopCode& code, const std::vector<unsigned char>& content) {
    for (Int i = 0; i < code.outputs; ++i) {
        const Output& output = code.output[i];
        require(output.slot >= 0 && output.slot < code.slots, "loop: an output's slot is out of range");
        require(content[output.slot] != nothing, "loop: an output's slot is never written");
        require(content[output.slot] != raw, "loop: an output of raw integers");
        require(output.store >= 0 && output.store < static_cast<Int>(Store::stores), "loop: no such store");
    }
}

Int bytes_of(const Input& input, Int rows, Int columns) {
    const auto parts = [&](Int bytes) { return plus(times(input.count - 1, input.bits), bytes); };
    const Int all = times(rows, columns);
    switch (static_cast<Load>(input.load)) {
        case Load::full: return times(all, 4);
        case Load::vector: return times(columns, 4);
        case Load::column: return times(rows, 4);
        case Load::full_bool: return all;
        case Load::column_int64: return times(rows, 8);
        case Load::column_bool: return rows;
        case Load::full_parts: return parts(times(all, 4));
        case Load::vector_parts: return parts(times(columns, 4));
        case Load::scalar_parts: return parts(4);
        case Load::scalar_int64:
        case Load::scalar_raw: return 8;
        default: return 4;
    }
}

Int bytes_of(const Output& output, Int rows, Int columns) {
    switch (static_cast<Store>(output.store)) {
        case Store::full: return times(times(rows, columns), 4);
        case Store::full_bool: return times(rows, columns);
        case Store::column: return times(rows, 4);
        case Store::column_int64: return times(rows, 8);
        case Store::column_sum:
        case Store::column_max:
        case Store::column_min: return times(columns, 4);
        case Store::moments: return times(columns, 16);
        default: return 4;
    }
}

}  // namespace

Needs loop_needs(const std::vector<Int>& ints, Int operands, Int rows) {
    check_counts(ints);
    const LoopCode code(ints.data());
    require_from(0, {rows}, "loop: the number of rows is out of range");
    const Int domain_rows = times(rows, code.unit);
    const Int elements = times(domain_rows, code.columns);
    std::vector<unsigned char> content(static_cast<std::size_t>(code.slots), nothing);
    check_inputs(code, content);
    check_ops(code, content);
    check_outputs(code, content);
    require(!has_row_ops(code) || code.columns <= most_columns_of_row_ops, "loop: too many columns for ops over rows");
    Needs needs;
    for (Int i = 0; i < code.inputs; ++i) {
        const bool stands_somewhere = has_operand(static_cast<Load>(code.input[i].load));
        if (stands_somewhere) needs.bytes.push_back(bytes_of(code.input[i], domain_rows, code.columns));
    }
    for (Int i = 0; i < code.outputs; ++i) needs.bytes.push_back(bytes_of(code.output[i], domain_rows, code.columns));
    bool seen = elements <= most_unseen;
    for (const Int bytes : needs.bytes) seen = seen || bytes >= elements;
    require(seen, "loop: no operand has as many elements as the loop");
    require(static_cast<Int>(needs.bytes.size()) == operands,
            "loop: the operands are not as many as inputs and outputs");
    needs.workspace = layout_of(code, shape_of(code, rows)).end;
    require(needs.workspace <= most_workspace, "loop: a tile is too large");
    return needs;
}

Needs moments_needs(const std::vector<Int>& ints, Int operands, Int) {
    require(ints.size() == 2, "moments: expected two integers, c and parts");
    require(operands == 3, "moments: expected three operands");
    require_from(0, {ints[0], ints[1]}, "moments: a size is negative or absurdly large");
    const Int bytes = times(ints[0], 4);
    return {{bytes, bytes, product({bytes, 4, ints[1]})}, 0};
}

}  // namespace chainrule
