// chainrule.engine.native._ext: what Python sees. Its types are written down in src/chainrule/engine/native/_ext.pyi.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "cpu.hpp"
#include "paths.hpp"
#include "peak.hpp"
#include "program_binding.hpp"
#include "threads.hpp"
#include "without_gil.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace chainrule {
namespace {

std::vector<std::string> path_names() {
    std::vector<std::string> names;
    for (const Path& path : usable_paths()) names.push_back(path.name);
    return names;
}

double measure_peak(const std::string& name, int threads) {
    if (threads < 1) throw std::invalid_argument("threads must be at least 1, got " + std::to_string(threads));
    return peak_gflops(usable_path(name), threads);
}

}  // namespace
}  // namespace chainrule

NB_MODULE(_ext, module) {
    using namespace chainrule;
    nb::set_leak_warnings(false);  // a program that is still in use when Python ends is no fault of the user
    module.doc() = "The compiled part of chainrule.";
    module.def("cpu_features", &cpu_features);
    module.def("threads", &usable_threads);
    module.def("paths", &path_names);
    module.def("peak_gflops", &measure_peak, "path"_a, "threads"_a, nb::call_guard<WithoutGil>());
    define_program(module);
    watch_the_end_of_python();
}
