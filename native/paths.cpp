#include "paths.hpp"

#include <algorithm>
#include <stdexcept>

#include "cpu.hpp"

namespace chainrule {

// CMakeLists.txt compiles multiply_add.cpp and kernels/*.cpp once for each path, into a namespace of the path's name.
#define CHAINRULE_DECLARE(path)                                                                                        \
    namespace path {                                                                                                   \
    double multiply_add(const float* ones, int rounds);                                                                \
    extern const Kernel kernels[];                                                                                     \
    }
CHAINRULE_DECLARE(avx512)
CHAINRULE_DECLARE(avx2)
CHAINRULE_DECLARE(neon)
CHAINRULE_DECLARE(baseline)
#undef CHAINRULE_DECLARE

namespace {

#ifdef CHAINRULE_WIDE_ON_AVX2  // a test build: see CMakeLists.txt
#define CHAINRULE_AVX512_NEEDS {"avx2", "fma"}
#else
#define CHAINRULE_AVX512_NEEDS {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"}
#endif

std::vector<Path> built_paths() {
    return {
#ifdef CHAINRULE_HAS_AVX512
        {"avx512", CHAINRULE_AVX512_NEEDS, avx512::multiply_add, avx512::kernels},
#endif
#ifdef CHAINRULE_HAS_AVX2
        {"avx2", {"avx2", "fma"}, avx2::multiply_add, avx2::kernels},
#endif
#ifdef CHAINRULE_HAS_NEON
        {"neon", {"neon"}, neon::multiply_add, neon::kernels},
#endif
#ifdef CHAINRULE_HAS_BASELINE
        {"baseline", {}, baseline::multiply_add, baseline::kernels},
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

Path usable_path(const std::string& name) {
    for (const Path& path : usable_paths()) {
        if (path.name == name) return path;
    }
    throw std::invalid_argument("no path '" + name + "' can run here");
}

}  // namespace chainrule
