// Program as Python sees it: a Program of C++ and the arrays it is bound to, kept alive.

#include "program_binding.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/opcodes.hpp"
#include "program/kinds.hpp"
#include "program/program.hpp"
#include "without_gil.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {
namespace {

using Numbers = nb::ndarray<const Int, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using FaultTuple = std::tuple<Int, Int, Int>;

// The memory of an array, of any type, which stays where it is as long as this lives.
class Buffer {
public:
    Buffer(nb::handle array, bool writable) {
        const int flags = PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(array.ptr(), &view_, flags) != 0) throw nb::python_error();
    }
    ~Buffer() { PyBuffer_Release(&view_); }
    Buffer(const Buffer&) = delete;

    char* at() const { return static_cast<char*>(view_.buf); }
    Int bytes() const { return view_.len; }

private:
    Py_buffer view_;
};

class BoundProgram {
public:
    BoundProgram(const std::string& path, const Numbers& numbers)
        : program_(usable_path(path), checked(numbers)), buffers_(program_.code().arrays.size()) {}

    const Code& code() const { return program_.code(); }

    void bind(Int index, nb::handle array) {
        if (index < 0 || index >= static_cast<Int>(buffers_.size())) {
            throw std::invalid_argument("the program has " + std::to_string(buffers_.size()) +
                                        " arrays, none of number " + std::to_string(index));
        }
        const ArrayInfo& info = code().arrays[index];
        auto buffer = std::make_unique<Buffer>(array, info.writable);
        const auto fail = [&](const std::string& what) {
            throw std::invalid_argument("array " + std::to_string(index) + " of the program " + what);
        };
        if (buffer->bytes() != info.bytes) {
            fail("has " + std::to_string(info.bytes) + " bytes, got " + std::to_string(buffer->bytes()));
        }
        if (reinterpret_cast<std::uintptr_t>(buffer->at()) % info.alignment != 0) {
            fail("must start at a multiple of " + std::to_string(info.alignment) + " bytes");
        }
        const auto turn = wait_for_turn();
        program_.bind(index, buffer->at());
        buffers_[index].swap(buffer);
    }

    std::optional<FaultTuple> run(int threads) {
        if (threads < 1) throw std::invalid_argument("threads must be at least 1, got " + std::to_string(threads));
        std::optional<Fault> fault;
        {
            const WithoutGil released;
            fault = program_.run(threads);
        }
        if (!fault) return std::nullopt;
        return FaultTuple(fault->where, fault->row, fault->value);
    }

private:
    // Taken only while the GIL is held, waited for without it: a fork holds the GIL while it waits for all turns.
    std::unique_lock<Turns> wait_for_turn() {
        std::unique_lock turn(program_.turns(), std::try_to_lock);
        while (!turn) {
            {
                const WithoutGil released;
                const std::lock_guard run_ends(program_.turns());
            }
            (void)turn.try_lock();
        }
        return turn;
    }

    static Code checked(const Numbers& numbers) {
        Code code = read_code(numbers.data(), numbers.size());
        check_code(code);
        return code;
    }

    Program program_;
    std::vector<std::unique_ptr<Buffer>> buffers_;  // of its arrays
};

std::vector<Int> work_of(const BoundProgram& program) {
    std::vector<Int> tasks;
    for (const Stage& stage : program.code().stages) {
        Int all = 0;
        for (const Segment& segment : stage) all += segment.tasks;
        tasks.push_back(all);
    }
    return tasks;
}

template <std::size_t count>
std::vector<std::string> texts(const char* const (&names)[count]) {
    return {names, names + count};
}

}  // namespace

void define_program(nb::module_& module) {
    module.def("kinds", [] { return texts(kind_names); });
    module.def("opcodes", [] { return texts(opcode_names); });
    module.def("loads", [] { return texts(load_names); });
    module.def("stores", [] { return texts(store_names); });
    nb::class_<BoundProgram>(module, "Program")
        .def(nb::init<const std::string&, const Numbers&>(), "path"_a, "code"_a.noconvert(),
             nb::sig("def __init__(self, path: str, code: NDArray[int64]) -> None"))
        .def("bind", &BoundProgram::bind, "index"_a, "array"_a,
             nb::sig("def bind(self, index: int, array: NDArray[Any]) -> None"))
        .def("run", &BoundProgram::run, "threads"_a)
        .def_prop_ro("arena_bytes", [](const BoundProgram& program) { return program.code().arena_bytes; })
        .def_prop_ro("scratch_bytes", [](const BoundProgram& program) { return program.code().scratch_bytes; })
        .def_prop_ro("work", &work_of);
}

}  // namespace chainrule
