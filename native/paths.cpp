#include "paths.hpp"

#include <algorithm>

#include "cpu.hpp"

namespace chainrule {

// CMakeLists.txt compiles multiply_add.cpp once for each path, into a namespace of the path's name.
namespace avx512 { double multiply_add(const float* ones, int rounds); }
namespace avx2 { double multiply_add(const float* ones, int rounds); }
namespace neon { double multiply_add(const float* ones, int rounds); }
namespace baseline { double multiply_add(const float* ones, int rounds); }

namespace {

std::vector<Path> built_paths() {
    return {
#ifdef CHAINRULE_HAS_AVX512
        {"avx512", {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"}, avx512::multiply_add},
#endif
#ifdef CHAINRULE_HAS_AVX2
        {"avx2", {"avx2", "fma"}, avx2::multiply_add},
#endif
#ifdef CHAINRULE_HAS_NEON
        {"neon", {"neon"}, neon::multiply_add},
#endif
#ifdef CHAINRULE_HAS_BASELINE
        {"baseline", {}, baseline::multiply_add},
#endif
    };
}

}  // namespace

std::vector<Path> usable_paths() {
    const auto features = cpu_features();
    const auto missing = [&](const std::string& need) {
        return std::find(features.begin(), features.end(), need) == features.end();
    };
    auto paths = built_paths();
    std::erase_if(paths, [&](const Path& path) { return std::any_of(path.needs.begin(), path.needs.end(), missing); });
    return paths;
}

}  // namespace chainrule
