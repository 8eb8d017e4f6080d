#pragma once

#include <nanobind/nanobind.h>

namespace chainrule {

// Adds the class Program, and the names of what instructions are made of.
void define_program(nanobind::module_& module);

}  // namespace chainrule
