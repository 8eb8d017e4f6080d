#include "cpu.hpp"

#include <utility>

namespace chainrule {
namespace {

using Feature = std::pair<const char*, bool>;

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
// __builtin_cpu_supports also asks whether the operating system saves the wide registers; the CPUID bits do not say.
std::vector<Feature> table() {
    __builtin_cpu_init();
    return {
        {"sse2", __builtin_cpu_supports("sse2")},
        {"avx", __builtin_cpu_supports("avx")},
        {"avx2", __builtin_cpu_supports("avx2")},
        {"fma", __builtin_cpu_supports("fma")},
        {"avx512f", __builtin_cpu_supports("avx512f")},
        {"avx512vl", __builtin_cpu_supports("avx512vl")},
        {"avx512bw", __builtin_cpu_supports("avx512bw")},
        {"avx512dq", __builtin_cpu_supports("avx512dq")},
        {"avx512_vnni", __builtin_cpu_supports("avx512vnni")},
    };
}
#elif defined(__aarch64__) || defined(_M_ARM64)
std::vector<Feature> table() { return {{"neon", true}}; }  // part of every 64-bit ARM
#elif defined(_M_X64)
std::vector<Feature> table() { return {{"sse2", true}}; }  // part of every 64-bit x86
#else
std::vector<Feature> table() { return {}; }
#endif

}  // namespace

std::vector<std::string> cpu_features() {
    std::vector<std::string> found;
    for (const auto& [name, present] : table()) {
        if (present) found.emplace_back(name);
    }
    return found;
}

}  // namespace chainrule
