#include "code.hpp"
#include "needs.hpp"

namespace chainrule {
namespace {

constexpr Int most_rows = Int{1} << 40, most_tasks = Int{1} << 20;  // their product must fit

class Reader {
public:
    Reader(const Int* numbers, std::size_t count) : next_(numbers), end_(numbers + count) {}

    Int number() {
        require(next_ != end_, "the program ends too early");
        return *next_++;
    }

    Int number(Int least, Int most, const char* otherwise) {
        const Int value = number();
        require(value >= least && value <= most, otherwise);
        return value;
    }

    // How many things follow, of at least `numbers` numbers each.
    Int count(Int numbers) {
        const Int value = number();
        require(value >= 0 && value <= (end_ - next_) / numbers, "the program ends before all that it counts");
        return value;
    }

    std::vector<Int> list() {
        const Int size = count(1);
        const Int* first = next_;
        next_ += size;
        return {first, next_};
    }

    template <typename Item>
    auto list_of(Int numbers, Item item) {
        std::vector<decltype(item())> items;
        const Int size = count(numbers);
        for (Int i = 0; i < size; ++i) items.push_back(item());
        return items;
    }

    void end() const { require(next_ == end_, "the program goes on after its end"); }

private:
    const Int* next_;
    const Int* end_;
};

Int read_bytes(Reader& reader) { return reader.number(0, too_large - 1, "a size in bytes is negative or absurd"); }

ArrayInfo read_array(Reader& reader) {
    const Int bytes = read_bytes(reader);
    return {bytes, reader.number(0, 1, "an array is writable (1) or not (0)") == 1};
}

Operand read_operand(Reader& reader, Int arrays) {
    const Int space = reader.number(0, first_array + arrays - 1, "an operand stands in a space that is not there");
    const Int offset = read_bytes(reader), row_bytes = read_bytes(reader);
    return {space, offset, row_bytes, read_bytes(reader)};
}

Instruction read_instruction(Reader& reader, Int arrays) {
    const auto kind = static_cast<Kind>(reader.number(0, kind_count - 1, "an instruction of no known kind"));
    auto ints = reader.list();
    auto operands = reader.list_of(4, [&] { return read_operand(reader, arrays); });
    require(operands.size() <= most_operands, "an instruction has too many operands");
    return {kind, std::move(ints), std::move(operands)};
}

Segment read_segment(Reader& reader, Int arrays) {
    const Int rows = reader.number(0, most_rows, "a segment has a negative or absurd number of rows");
    const Int tasks = reader.number(1, most_tasks, "a segment has no task, or absurdly many");
    const Int chunk_rows = reader.number(0, most_rows, "a segment has chunks of a negative or absurd number of rows");
    return {rows, tasks, chunk_rows, reader.list_of(3, [&] { return read_instruction(reader, arrays); })};
}

}  // namespace

Code read_code(const Int* numbers, std::size_t count) {
    Reader reader(numbers, count);
    reader.number(code_version, code_version, "a program of another version of chainrule");
    Code code;
    code.arena_bytes = read_bytes(reader);
    code.scratch_bytes = read_bytes(reader);
    code.arrays = reader.list_of(2, [&] { return read_array(reader); });
    const Int arrays = static_cast<Int>(code.arrays.size());
    const auto segment = [&] { return read_segment(reader, arrays); };
    code.stages = reader.list_of(1, [&] { return reader.list_of(4, segment); });
    reader.end();
    return code;
}

}  // namespace chainrule
