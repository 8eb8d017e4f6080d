#pragma once

// The integers of a loop as structures, and how its domain is cut into tiles: what the kernel and its needs must agree
// on. All here has internal linkage, because each path compiles it with its own instructions.

#include "../program/instruction.hpp"
#include "opcodes.hpp"

namespace chainrule {
namespace {

constexpr Int tile_floats = 1024;  // some slots of it fit the first cache, and the cost of choosing an op is spread
constexpr Int widest = 16;         // lanes, on any path
constexpr Int fold_floats = 64;    // accumulators of narrow columns: enough to keep the adders busy, few to fold

constexpr Int most_slots = 256, most_ops = 1024, most_outputs = 64;

struct Input {
    Int slot, load;
    Int count, bits;  // of parts: how many, and the bytes from one to the next; of a constant: its bits
};
struct Op {
    Int opcode, to, a, b, c;  // slots, as many as the op has operands; c of uniform is its stream
};
struct Output {
    Int slot, store;
};

#define CHAINRULE_IS_1(name) 1,
#define CHAINRULE_IS_2(name) 2,
#define CHAINRULE_IS_3(name) 3,
// How many of a, b and c are slots.
constexpr unsigned char slots_of[] = {
    CHAINRULE_OPCODES(CHAINRULE_IS_1, CHAINRULE_IS_2, CHAINRULE_IS_3, CHAINRULE_IS_1, CHAINRULE_IS_2)};
#undef CHAINRULE_IS_1
#undef CHAINRULE_IS_2
#undef CHAINRULE_IS_3

// The domain has `unit` rows for each row of the segment. Each input takes the next operand (has_operand), then each
// output one. The first ops need nothing that differs between rows, and run once instead of once a tile.
struct LoopCode {
    Int columns, unit, slots, inputs, outputs, first_ops, ops;
    const Input* input;
    const Op* op;  // the first ops, then those of every tile
    const Output* output;

    explicit LoopCode(const Int* ints)
        : columns(ints[0]), unit(ints[1]), slots(ints[2]), inputs(ints[3]), outputs(ints[4]), first_ops(ints[5]),
          ops(ints[6]), input(reinterpret_cast<const Input*>(ints + 7)),
          op(reinterpret_cast<const Op*>(ints + 7 + 4 * inputs)),
          output(reinterpret_cast<const Output*>(ints + 7 + 4 * inputs + 5 * (first_ops + ops))) {}
};

// Whether an input takes one of the instruction's operands.
constexpr bool has_operand(Load load) {
    return load != Load::constant && load != Load::position && load != Load::column_index;
}

// One number for the whole domain.
constexpr bool is_scalar(Load load) {
    return load == Load::scalar || load == Load::constant || load == Load::scalar_int64 ||
           load == Load::scalar_parts || load == Load::scalar_raw;
}

// The same for all rows.
constexpr bool is_row(Load load) {
    return is_scalar(load) || load == Load::vector || load == Load::vector_parts || load == Load::column_index;
}

// The same for all columns of a row.
constexpr bool is_alike_in_row(Load load) {
    return (is_scalar(load) && load != Load::scalar_raw) || load == Load::column || load == Load::column_int64 ||
           load == Load::column_bool;
}

// An op that looks at whole rows.
constexpr bool needs_rows(Opcode opcode) { return opcode >= Opcode::rowsum; }

// A result for each column, of all rows.
constexpr bool is_column_result(Store store) {
    return (store >= Store::column_sum && store <= Store::column_min) || store == Store::moments;
}

// Whether nothing distinguishes rows and columns, so that the domain may be taken as one long column.
inline bool is_flat(const LoopCode& code) {
    for (Int i = 0; i < code.inputs; ++i) {
        const auto load = static_cast<Load>(code.input[i].load);
        if (!is_scalar(load) && load != Load::full && load != Load::full_bool && load != Load::full_parts) return false;
    }
    for (Int i = 0; i < code.outputs; ++i) {
        const auto store = static_cast<Store>(code.output[i].store);
        if (is_column_result(store) || store == Store::column || store == Store::column_int64) return false;
    }
    for (Int i = 0; i < code.first_ops + code.ops; ++i) {
        if (needs_rows(static_cast<Opcode>(code.op[i].opcode))) return false;
    }
    return true;
}

inline bool has_row_ops(const LoopCode& code) {
    for (Int i = 0; i < code.first_ops + code.ops; ++i) {
        if (needs_rows(static_cast<Opcode>(code.op[i].opcode))) return true;
    }
    return false;
}

constexpr Int up_to_multiple(Int size, Int of) { return (size + of - 1) / of * of; }

// A tile has `height` rows of `width` columns (fewer at the ends), one row behind the other. What is reduced over rows
// is accumulated in `fold` rows of a tile: row r of a tile joins row r % fold.
// tile_room and fold_room are bounds in floats that never shrink with more rows, so that the workspace for the largest
// chunk serves them all.
struct Shape {
    Int rows, columns, width, height, fold;
    Int tile_room, fold_room;
};

inline Shape shape_of(const LoopCode& code, Int rows) {
    Shape shape{rows * code.unit, code.columns, code.columns, 1, 1, 0, 0};
    if (is_flat(code)) {
        shape.rows *= code.columns;
        shape.columns = shape.width = code.columns > 0;
    }
    if (shape.columns > tile_floats && !has_row_ops(code)) {
        const Int pieces = (shape.columns + tile_floats - 1) / tile_floats;
        shape.width = up_to_multiple((shape.columns + pieces - 1) / pieces, widest);
    }
    shape.tile_room = shape.fold_room = shape.width;
    if (shape.width == 0) return shape;
    Int height = tile_floats / shape.width;
    if (height > shape.rows) height = shape.rows;
    if (height <= 1) return shape;
    // Whole multiples of `fold`, and at least fold_floats accumulators where there are as many elements.
    const Int least = (fold_floats + shape.width - 1) / shape.width;
    shape.tile_room = height * shape.width;
    shape.fold_room = (height < 2 * least ? height : 2 * least) * shape.width;
    const Int groups = height > least ? height / least : 1;
    shape.fold = height / groups;
    shape.height = shape.fold * groups;
    return shape;
}

// Where things stand in the workspace, in bytes. Slots are a little longer than a tile: vectors may be stored beyond
// the end, and the same place of two slots is not 4096 bytes apart, which the caches would take for the same.
struct Layout {
    Int floats;                                               // of a slot
    Int steps, at, sources, sinks, flags, slots, folds, end;  // begin of each part
    Int fold_bytes;                                           // for each output
};

constexpr Int step_bytes = 32, source_bytes = 64, sink_bytes = 128;

inline Layout layout_of(const LoopCode& code, const Shape& shape) {
    Layout layout{};
    layout.floats = up_to_multiple(shape.tile_room, widest) + 2 * widest;
    Int at = 0;
    const auto part = [&at](Int bytes) {
        const Int begin = at;
        at += up_to_multiple(bytes, 64);
        return begin;
    };
    layout.steps = part((code.first_ops + code.ops) * step_bytes);
    layout.at = part(code.slots * 8);
    layout.sources = part(code.inputs * source_bytes);
    layout.sinks = part(code.outputs * sink_bytes);
    layout.flags = part(code.slots);
    layout.slots = part(code.slots * layout.floats * 4);
    // Three float accumulators and two double totals.
    const Int folded = up_to_multiple(shape.fold_room, widest);
    layout.fold_bytes = up_to_multiple(folded * 12 + shape.width * 16, 64);
    layout.folds = part(code.outputs * layout.fold_bytes);
    layout.end = at;
    return layout;
}

}  // namespace
}  // namespace chainrule
