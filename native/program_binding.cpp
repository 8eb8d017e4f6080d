// Programs as Python sees them, and the names of what instructions are made of.

#include "program_binding.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bound_program.hpp"
#include "kernels/opcodes.hpp"
#include "program/kinds.hpp"
#include "steps.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {
namespace {

std::vector<Int> work_of(const BoundProgram& program) {
    std::vector<Int> tasks;
    for (const Stage& stage : program.code().stages) {
        Int all = 0;
        for (const Segment& segment : stage) all += segment.tasks;
        tasks.push_back(all);
    }
    return tasks;
}

// Whether an array of float32 holds neither NaN nor infinity: those have all bits of the exponent.
bool finite(nb::handle array) {
    const Buffer buffer(array, false);
    const auto* bits = reinterpret_cast<const std::uint32_t*>(buffer.at());
    const Int count = buffer.bytes() / static_cast<Int>(sizeof *bits);
    constexpr std::uint32_t exponent = 0x7f800000;
    constexpr Int block = 16;  // compilers turn a block into vectors
    std::uint32_t found[block] = {};
    Int i = 0;
    for (; i + block <= count; i += block) {
        for (Int j = 0; j < block; ++j) found[j] |= (bits[i + j] & exponent) == exponent ? 1 : 0;
    }
    for (; i < count; ++i) found[0] |= (bits[i] & exponent) == exponent ? 1 : 0;
    return std::none_of(found, found + block, [](std::uint32_t bad) { return bad != 0; });
}

template <std::size_t count>
std::vector<std::string> texts(const char* const (&names)[count]) {
    return {names, names + count};
}

}  // namespace

void define_program(nb::module_& module) {
    module.def("finite", &finite, "array"_a, nb::sig("def finite(array: NDArray[float32]) -> bool"));
    module.def("kinds", [] { return texts(kind_names); });
    module.def("opcodes", [] { return texts(opcode_names); });
    module.def("loads", [] { return texts(load_names); });
    module.def("stores", [] { return texts(store_names); });
    nb::class_<BoundProgram>(module, "Program")
        .def(nb::init<const std::string&, const BoundProgram::Numbers&>(), "path"_a, "code"_a.noconvert(),
             nb::sig("def __init__(self, path: str, code: NDArray[int64]) -> None"))
        .def("bind", &BoundProgram::bind, "index"_a, "array"_a,
             nb::sig("def bind(self, index: int, array: NDArray[Any]) -> None"))
        .def("run", &BoundProgram::run, "threads"_a)
        .def_prop_ro("arena_bytes", [](const BoundProgram& program) { return program.code().arena_bytes; })
        .def_prop_ro("scratch_bytes", [](const BoundProgram& program) { return program.code().scratch_bytes; })
        .def_prop_ro("work", &work_of);
    nb::class_<Steps>(module, "Steps")
        .def(nb::init<nb::handle, nb::handle, nb::handle>(), "turns"_a, "fed"_a, "results"_a,
             nb::sig("def __init__(self, turns: Sequence[Turn], fed: Arrays, results: Arrays) -> None"))
        .def("run", &Steps::run, "threads"_a, "turn"_a, "order"_a, "rows"_a, "numbers"_a, "results"_a,
             nb::sig("def run(self, threads: int, turn: int, order: NDArray[int64], rows: Numbered, "
                     "numbers: Numbered, results: Arrays) -> tuple[int, Fault | None]"))
        .def("once", &Steps::once, "threads"_a, "turn"_a, "below"_a, "given"_a,
             nb::sig("def once(self, threads: int, turn: int, below: int, *given: Any) -> float | None"));
}

}  // namespace chainrule
