#pragma once

// A program that is ready to run.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "../paths.hpp"
#include "code.hpp"
#include "memory.hpp"
#include "team.hpp"
#include "turns.hpp"

namespace chainrule {

class Program {
public:
    // The code must have passed check_code.
    Program(const Path& path, Code code);

    const Code& code() const { return code_; }

    // From now on array `index` is at this address, where it must be what its ArrayInfo says. The caller has the turn.
    void bind(std::size_t index, char* at);
    Turns& turns() { return turns_; }

    // Runs the program once; several callers take turns. Returns the first fault in the order of the program; nothing
    // behind the stage where it happened has run. Any number of threads gives the same bits.
    std::optional<Fault> run(int threads);

private:
    struct Step {  // an instruction
        Kernel kernel;
        const Int* ints;
        const Operand *operands, *operands_end;
    };
    struct Part {  // a segment, with the number of its first instruction
        Int rows, tasks, chunk_rows, first, end;
    };
    struct Round {  // a stage
        std::vector<Part> parts;
        Int tasks = 0;
    };
    struct Member {  // a thread
        Member(Memory own_scratch, Memory own_workspace)
            : scratch(std::move(own_scratch)), workspace(std::move(own_workspace)) {}
        Memory scratch, workspace;
        Fault fault;
    };

    Part make_part(const Path& path, const Segment& segment);
    void prepare(int members);
    std::optional<Fault> take_fault();
    Int next_round();
    void run_task(Member& member, Int task);
    void run_task(Member& member, const Part& part, Int task);
    void run_step(Member& member, Int number, Int task, Int row, Int rows, bool first);

    Code code_;
    std::vector<Step> steps_;
    std::vector<Round> rounds_;
    Int most_tasks_ = 1;  // of a round

    Turns turns_;
    Memory arena_;
    std::vector<std::uintptr_t> bases_;  // of the spaces
    std::size_t unbound_;
    std::vector<std::unique_ptr<Member>> members_;

    std::size_t round_ = 0;             // the one that runs, counted from 1
    std::atomic<bool> faulty_{false};
};

}  // namespace chainrule
