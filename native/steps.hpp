#pragma once

// Many steps of a training in one call: each gathers its rows, takes its numbers, runs its programs and hands over what it
// made. Between two steps Python is not asked for anything.

#include <nanobind/nanobind.h>

#include <optional>
#include <tuple>
#include <vector>

#include "bound_program.hpp"

namespace chainrule {

class Steps {
public:
    // turns    what to run, of steps in turns: (programs, [(from, to), ...]), the latter copied behind the programs
    // fed      the arrays that a step is fed with, which its programs read
    // results  the arrays that it makes, to be handed over
    Steps(nanobind::handle turns, nanobind::handle fed, nanobind::handle results);
    Steps(const Steps&) = delete;

    // threads  of each program;  turn  of the first step
    // order    (steps, batch): the numbers of the rows of each step
    // rows     [(index in fed, all rows), ...]: an array of a batch is gathered
    // numbers  [(index in fed, one for each step), ...]
    // results  for each of those above, or for the first of them, where those of all steps go
    //
    // Ends behind the first step whose first result, a float32, is not finite, or before the end of one with a fault.
    // Gives how many have ended.
    std::tuple<Int, std::optional<FaultTuple>> run(int threads, Int turn, nanobind::handle order, nanobind::handle rows,
                                                   nanobind::handle numbers, nanobind::handle results);

    // One step on arrays as they come, given as index in fed, array, index, array ...: the first result, a float32.
    // `below`, if not 0, is what the last array, of int64, must be below, and at least 0. Where it is not, and where a
    // program finds a fault, there is no result, and nothing has come of the step.
    std::optional<float> once(int threads, Int turn, Int below, nanobind::args given);

private:
    struct Copy {
        std::unique_ptr<Buffer> from, to;
    };
    struct Turn {
        std::vector<BoundProgram*> programs;
        std::vector<Copy> copies;
    };
    // Of all rows, those of a step; of an array of numbers, one.
    struct Feed {
        std::unique_ptr<Buffer> from;
        char* to;
        Int bytes;  // of a row, or a number
    };

    Feed feed_of(nanobind::handle number, nanobind::handle array, Int parts) const;
    std::optional<FaultTuple> run_programs(int threads, Int turn);

    nanobind::object kept_;  // the programs
    std::vector<Turn> turns_;
    Buffers fed_, results_;
};

}  // namespace chainrule
