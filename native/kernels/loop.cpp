// The kernel `loop`: a short program that runs over a domain of rows and columns, tile by tile, so that what one op
// writes is still in the first cache when the next one reads it. opcodes.hpp lists what it can do, loop_shape.hpp has
// its integers and its tiles.

#include "loop_ops.hpp"
#include "loop_store.hpp"
#include "philox.hpp"

namespace chainrule::CHAINRULE_PATH {
namespace {

// An op with its function; unused slots are 0.
struct Step {
    Elementwise run;  // null: an op over rows, or uniform
    std::int32_t opcode, to, a, b, c;
    bool once_a_row;   // its operands have one number in each row
    signed char sink;  // the output that it writes to memory by itself, or -1
};
static_assert(sizeof(Step) <= step_bytes);

class Loop {
public:
    explicit Loop(const Call& call);
    void run();

private:
    void place_sources();
    void place_sinks();
    void place_steps();
    bool writes_directly(Int output);
    Int last_write(Int slot) const;
    bool read_after(Int slot, Int time, Int output) const;
    void keep_what_is_overwritten();
    void run_first_steps(const Tile& row);
    void begin_piece(Int column, Int width);
    void run_tile(const Tile& tile);
    void run_steps(Int begin, Int end, const Tile& tile, Int floats);
    void run_rows(const Step& step, float* to, const float* a, const float* b, const Tile& tile);

    float* slot(Int index) const { return reinterpret_cast<float*>(part(layout_.slots)) + index * layout_.floats; }
    char* part(Int begin) const { return call_.workspace + begin; }

    const Call& call_;
    const LoopCode code_;
    const Shape shape_;
    const Layout layout_;
    const Int origin_;             // the position of the domain's first element in the segment
    float** const at_;             // where each slot stands at present
    Step* const steps_;
    Source* const sources_;
    Sink* const sinks_;
    unsigned char* const flags_;  // of each slot, from those below
    static constexpr unsigned char in_tile = 1;      // the ops of the tiles look at it
    static constexpr unsigned char alike_in_row = 2;  // a row has one number in all its columns
};

Loop::Loop(const Call& call)
    : call_(call), code_(call.ints), shape_(shape_of(code_, call.rows)), layout_(layout_of(code_, shape_)),
      origin_(call.row * code_.unit * code_.columns), at_(reinterpret_cast<float**>(part(layout_.at))),
      steps_(reinterpret_cast<Step*>(part(layout_.steps))), sources_(reinterpret_cast<Source*>(part(layout_.sources))),
      sinks_(reinterpret_cast<Sink*>(part(layout_.sinks))),
      flags_(reinterpret_cast<unsigned char*>(part(layout_.flags))) {
    for (Int i = 0; i < code_.slots; ++i) at_[i] = slot(i);
    place_sources();
    place_sinks();
    place_steps();
    keep_what_is_overwritten();
}

void Loop::place_sources() {
    Int operand = 0;
    for (Int i = 0; i < code_.inputs; ++i) {
        const Input& input = code_.input[i];
        const auto load = static_cast<Load>(input.load);
        const char* from = has_operand(load) ? call_.at[operand++] : nullptr;
        // A row stays where it is only if no tile has more of them.
        const bool copied = load == Load::vector && shape_.height > 1;
        sources_[i] = {load, copied, from, slot(input.slot), input.slot, input.count, input.bits};
    }
}

void Loop::place_sinks() {
    Int operand = 0;
    for (Int i = 0; i < code_.inputs; ++i) operand += has_operand(sources_[i].load);
    for (Int i = 0; i < code_.outputs; ++i) {
        Accumulator columns{};
        const Int fold_floats = up_to_multiple(shape_.fold_room, widest);
        columns.sums = reinterpret_cast<float*>(part(layout_.folds) + i * layout_.fold_bytes);
        columns.squares = columns.sums + fold_floats;
        columns.pivots = columns.squares + fold_floats;
        columns.totals = reinterpret_cast<double*>(columns.pivots + fold_floats);
        columns.more = columns.totals + shape_.width;
        const Output& output = code_.output[i];
        const auto store = static_cast<Store>(output.store);
        const double all = store == Store::total_max ? static_cast<double>(-infinity) : 0.0;
        sinks_[i] = {store, false, call_.at[operand + i], output.slot, all, columns};
    }
    for (Int i = 0; i < code_.outputs; ++i) sinks_[i].direct = writes_directly(i);
}

void Loop::place_steps() {
    std::memset(flags_, 0, static_cast<std::size_t>(code_.slots));
    for (Int i = 0; i < code_.inputs; ++i) {
        if (is_alike_in_row(sources_[i].load)) flags_[sources_[i].index] = alike_in_row;
    }
    for (Int i = 0; i < code_.first_ops + code_.ops; ++i) {
        const Op& op = code_.op[i];
        const int count = slots_of[op.opcode];
        const Int from[] = {op.a, count > 1 ? op.b : 0, count > 2 ? op.c : 0};
        const auto opcode = static_cast<Opcode>(op.opcode);
        const unsigned char alike = needs_rows(opcode)           ? alike_in_row
                                    : opcode == Opcode::uniform ? 0
                                                                : flags_[from[0]] & flags_[from[count > 1 ? 1 : 0]] &
                                                                      flags_[from[count > 2 ? 2 : 0]] & alike_in_row;
        const bool once = alike != 0 && is_costly(opcode) && shape_.width >= 4;
        steps_[i] = {elementwise[op.opcode],
                     static_cast<std::int32_t>(op.opcode),
                     static_cast<std::int32_t>(op.to),
                     static_cast<std::int32_t>(from[0]),
                     static_cast<std::int32_t>(from[1]),
                     static_cast<std::int32_t>(opcode == Opcode::uniform ? op.c : from[2]),
                     once,
                     -1};
        for (int j = 0; i >= code_.first_ops && j < count; ++j) flags_[from[j]] |= in_tile;
        flags_[op.to] = static_cast<unsigned char>((flags_[op.to] & in_tile) | alike);
    }
    for (Int i = 0; i < code_.outputs; ++i) {
        flags_[sinks_[i].slot] |= in_tile;
        if (sinks_[i].direct) steps_[last_write(sinks_[i].slot)].sink = static_cast<signed char>(i);
    }
}

// The number of the last op of the tiles that writes a slot, or -1.
Int Loop::last_write(Int slot) const {
    for (Int i = code_.first_ops + code_.ops; --i >= code_.first_ops;) {
        if (code_.op[i].to == slot) return i;
    }
    return -1;
}

// An output that ops of the tiles compute can be written by the last of them, if no other output has taken the slot.
bool Loop::writes_directly(Int output) {
    const Sink& sink = sinks_[output];
    if (sink.store != Store::full) return false;
    for (Int i = 0; i < output; ++i) {
        if (sinks_[i].direct && sinks_[i].slot == sink.slot) return false;
    }
    return last_write(sink.slot) >= 0;
}

// Whether an op from number `time` on, or an output behind `output`, looks at a slot.
bool Loop::read_after(Int slot, Int time, Int output) const {
    for (Int i = time; i < code_.first_ops + code_.ops; ++i) {
        const Op& op = code_.op[i];
        const int count = slots_of[op.opcode];
        if (op.a == slot || (count > 1 && op.b == slot) || (count > 2 && op.c == slot)) return true;
    }
    for (Int i = output; i < code_.outputs; ++i) {
        if (sinks_[i].slot == slot) return true;
    }
    return false;
}

// An output may stand where an input stands (p = p - lr g). The input is then read where it stands only if nothing
// looks at it after the op that writes the output; else it is copied first.
void Loop::keep_what_is_overwritten() {
    for (Int i = 0; i < code_.outputs; ++i) {
        for (Int j = 0; j < code_.inputs; ++j) {
            Source& source = sources_[j];
            if (source.from != sinks_[i].to || source.copied) continue;
            const bool direct = sinks_[i].direct;
            const Int written = direct ? last_write(sinks_[i].slot) + 1 : code_.first_ops + code_.ops;
            source.copied = read_after(source.index, written, direct ? 0 : i + 1);
        }
    }
}

void Loop::run_rows(const Step& step, float* to, const float* a, const float* b, const Tile& tile) {
    switch (static_cast<Opcode>(step.opcode)) {
        case Opcode::rowsum: reduce_rows<Add>(to, a, tile.rows, tile.width); break;
        case Opcode::rowmax: reduce_rows<Max>(to, a, tile.rows, tile.width); break;
        case Opcode::rowmin: reduce_rows<Min>(to, a, tile.rows, tile.width); break;
        case Opcode::rowargmax: find_rows<Max>(to, a, tile.rows, tile.width); break;
        case Opcode::rowargmin: find_rows<Min>(to, a, tile.rows, tile.width); break;
        case Opcode::take_column:
            take_column(to, a, b, tile.rows, tile.width, call_.row * code_.unit + tile.row, call_.fault);
            break;
        default: {
            Key key{0, static_cast<std::uint32_t>(step.c), 0};
            std::memcpy(&key.seed, a, 4);
            std::memcpy(&key.step, b, 4);
            uniform(to, tile.floats, static_cast<std::uint64_t>(tile.position), key);
            break;
        }
    }
}

// Vector ops work on `floats` elements, at least a vector: slots have the room.
void Loop::run_steps(Int begin, Int end, const Tile& tile, Int floats) {
    for (const Step* step = steps_ + begin; step != steps_ + end; ++step) {
        const float *a = at_[step->a], *b = at_[step->b];
        const float* c = step->run ? at_[step->c] : nullptr;
        if (step->sink >= 0 && tile.floats >= lanes) {
            at_[step->to] = reinterpret_cast<float*>(sinks_[step->sink].to) + tile.place;
        }
        float* to = at_[step->to];
        if (!step->run) run_rows(*step, to, a, b, tile);
        else if (step->once_a_row) run_once_a_row(step->run, to, a, b, c, tile.rows, tile.width);
        else step->run(to, a, b, c, floats);
    }
}

// What is the same for all rows, for the columns of one piece: computed in one row, which is then repeated for tiles
// of more rows.
void Loop::begin_piece(Int column, Int width) {
    const Tile row{0, column, 1, width, column, 0, width};
    const Int floats = shape_.height * width;
    for (Int i = 0; i < code_.inputs; ++i) {
        const Source& source = sources_[i];
        if (!is_row(source.load)) continue;
        const Int scalars = (flags_[source.index] & in_tile) ? floats : width;
        at_[source.index] = const_cast<float*>(load_row(source, row, scalars));
    }
    run_steps(0, code_.first_ops, row, width < lanes ? Int{lanes} : width);
    if (shape_.height > 1) {
        for (Int i = 0; i < code_.inputs; ++i) {
            const Source& source = sources_[i];
            if (is_row(source.load) && !is_scalar(source.load) && (flags_[source.index] & in_tile)) {
                repeat_row(source.slot, width, floats);
            }
        }
        for (Int i = 0; i < code_.first_ops; ++i) {
            if (flags_[steps_[i].to] & in_tile) repeat_row(slot(steps_[i].to), width, floats);
        }
    }
    for (Int i = 0; i < code_.outputs; ++i) start(sinks_[i].columns, width, shape_.fold);
}

void Loop::run_tile(const Tile& tile) {
    const bool small = tile.floats < lanes;
    for (Int i = 0; i < code_.inputs; ++i) {
        const Source& source = sources_[i];
        if (!is_row(source.load)) at_[source.index] = const_cast<float*>(load_tile(source, tile));
    }
    for (Int i = 0; i < code_.outputs; ++i) {
        if (sinks_[i].direct) at_[sinks_[i].slot] = slot(sinks_[i].slot);
    }
    run_steps(code_.first_ops, code_.first_ops + code_.ops, tile, small ? Int{lanes} : tile.floats);
    for (Int i = 0; i < code_.outputs; ++i) store_tile(sinks_[i], at_[sinks_[i].slot], tile);
}

void Loop::run() {
    for (Int column = 0; column < shape_.columns; column += shape_.width) {
        const Int left = shape_.columns - column, width = left < shape_.width ? left : shape_.width;
        begin_piece(column, width);
        for (Int row = 0; row < shape_.rows; row += shape_.height) {
            const Int rows = shape_.rows - row < shape_.height ? shape_.rows - row : shape_.height;
            const Int place = row * shape_.columns + column;
            run_tile({row, column, rows, width, place, origin_ + place, rows * width});
        }
        for (Int i = 0; i < code_.outputs; ++i) finish_piece(sinks_[i], column, code_.columns, call_.first);
    }
    for (Int i = 0; i < code_.outputs; ++i) {
        finish_total(sinks_[i], call_.first);
        if (shape_.columns == 0) store_nothing(sinks_[i], shape_.rows);
    }
}

}  // namespace

void loop(const Call& call) { Loop(call).run(); }

}  // namespace chainrule::CHAINRULE_PATH
