#pragma once

#include <string>
#include <vector>

namespace chainrule {

// The vector features that this CPU has and its operating system lets programs use, by the names Linux gives them.
std::vector<std::string> cpu_features();

}  // namespace chainrule
