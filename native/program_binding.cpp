// Programs as Python sees them, and the names of what instructions are made of.

#include "program_binding.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

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
        .def(nb::init<const std::string&, const BoundProgram::Numbers&>(), "path"_a, "code"_a.noconvert(),
             nb::sig("def __init__(self, path: str, code: NDArray[int64]) -> None"))
        .def("bind", &BoundProgram::bind, "index"_a, "array"_a,
             nb::sig("def bind(self, index: int, array: NDArray[Any]) -> None"))
        .def("run", &BoundProgram::run, "threads"_a)
        .def_prop_ro("arena_bytes", [](const BoundProgram& program) { return program.code().arena_bytes; })
        .def_prop_ro("scratch_bytes", [](const BoundProgram& program) { return program.code().scratch_bytes; })
        .def_prop_ro("work", &work_of);
    nb::class_<Steps>(module, "Steps")
        .def(nb::init<nb::handle, nb::handle, nb::handle>(), "turns"_a, "fed"_a, "results"_a)
        .def("run", &Steps::run, "threads"_a, "turn"_a, "order"_a, "rows"_a, "numbers"_a, "results"_a);
}

}  // namespace chainrule
