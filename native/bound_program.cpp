#include "bound_program.hpp"

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "without_gil.hpp"

namespace nb = nanobind;

namespace chainrule {
namespace {

Code checked(const BoundProgram::Numbers& numbers) {
    Code code = read_code(numbers.data(), numbers.size());
    check_code(code);
    return code;
}

}  // namespace

Buffer::Buffer(nb::handle array, bool writable) {
    const int flags = PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(array.ptr(), &view_, flags) != 0) throw nb::python_error();
}

Buffers buffers_of(nb::handle arrays, bool writable) {
    Buffers buffers;
    for (const nb::handle array : arrays) buffers.push_back(std::make_unique<Buffer>(array, writable));
    return buffers;
}

BoundProgram::BoundProgram(const std::string& path, const Numbers& numbers)
    : program_(usable_path(path), checked(numbers)), buffers_(program_.code().arrays.size()) {}

void BoundProgram::bind(Int index, nb::handle array) {
    if (index < 0 || index >= static_cast<Int>(buffers_.size())) {
        throw std::invalid_argument("the program has " + std::to_string(buffers_.size()) + " arrays, none of number " +
                                    std::to_string(index));
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

std::optional<FaultTuple> BoundProgram::run(int threads) {
    const WithoutGil released;
    return run_released(threads);
}

std::optional<FaultTuple> BoundProgram::run_released(int threads) {
    if (threads < 1) throw std::invalid_argument("threads must be at least 1, got " + std::to_string(threads));
    const std::optional<Fault> fault = program_.run(threads);
    if (!fault) return std::nullopt;
    return FaultTuple(fault->where, fault->row, fault->value);
}

// Taken only while the GIL is held, waited for without it: a fork holds the GIL while it waits for all turns.
std::unique_lock<Turns> BoundProgram::wait_for_turn() {
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

}  // namespace chainrule
