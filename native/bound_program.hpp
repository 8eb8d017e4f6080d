#pragma once

// What of Python the engine holds: the memory of arrays, and programs bound to it.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "program/program.hpp"

namespace chainrule {

using FaultTuple = std::tuple<Int, Int, Int>;  // instruction, row, value

// The memory of an array, of any type, which stays where it is as long as this lives.
class Buffer {
public:
    Buffer(nanobind::handle array, bool writable);
    ~Buffer() { PyBuffer_Release(&view_); }
    Buffer(const Buffer&) = delete;

    char* at() const { return static_cast<char*>(view_.buf); }
    Int bytes() const { return view_.len; }

private:
    Py_buffer view_;
};

// The buffers of some arrays.
using Buffers = std::vector<std::unique_ptr<Buffer>>;
Buffers buffers_of(nanobind::handle arrays, bool writable);

// A program and the arrays it is bound to, kept alive.
class BoundProgram {
public:
    using Numbers = nanobind::ndarray<const Int, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;

    BoundProgram(const std::string& path, const Numbers& numbers);

    const Code& code() const { return program_.code(); }
    void bind(Int index, nanobind::handle array);

    std::optional<FaultTuple> run(int threads);          // lets go of the GIL meanwhile
    std::optional<FaultTuple> run_released(int threads);  // for who has let go of it

private:
    std::unique_lock<Turns> wait_for_turn();

    Program program_;
    Buffers buffers_;  // of its arrays
};

}  // namespace chainrule
