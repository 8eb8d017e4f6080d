#include "program.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace chainrule {
namespace {

constexpr std::uintptr_t nowhere = ~std::uintptr_t{0};

void keep_first(Fault& kept, const Fault& other) {
    const auto place = [](const Fault& fault) { return std::tie(fault.where, fault.row); };
    if (other.where >= 0 && (kept.where < 0 || place(other) < place(kept))) kept = other;
}

}  // namespace

Program::Program(const Path& path, Code code)
    : code_(std::move(code)), bases_(first_array + code_.arrays.size(), nowhere), unbound_(code_.arrays.size()) {
    for (const Stage& stage : code_.stages) {
        Round& round = rounds_.emplace_back();
        for (const Segment& segment : stage) {
            round.parts.push_back(make_part(path, segment));
            round.tasks += segment.tasks;
        }
        most_tasks_ = std::max(most_tasks_, round.tasks);
    }
}

Program::Part Program::make_part(const Path& path, const Segment& segment) {
    const auto first = static_cast<Int>(steps_.size());
    for (const auto& [kind, ints, operands] : segment.instructions) {
        const Operand* start = operands.data();
        steps_.push_back({path.kernels[static_cast<Int>(kind)], ints.data(), start, start + operands.size()});
    }
    return {segment.rows, segment.tasks, segment.chunk_rows, first, static_cast<Int>(steps_.size())};
}

void Program::bind(std::size_t index, char* at) {
    std::uintptr_t& base = bases_[first_array + index];
    if (base == nowhere) --unbound_;
    base = reinterpret_cast<std::uintptr_t>(at);
}

std::optional<Fault> Program::run(int threads) {
    const std::lock_guard turn(turns_);
    if (unbound_ > 0) {
        const auto first = std::find(bases_.begin() + first_array, bases_.end(), nowhere);
        const auto index = first - bases_.begin() - first_array;
        throw std::invalid_argument("array " + std::to_string(index) + " of the program is not bound");
    }
    const int members = static_cast<int>(std::min(Int{threads}, most_tasks_));
    prepare(members);
    const auto next = [](void* self) { return static_cast<Program*>(self)->next_round(); };
    const auto run_task = [](void* self, int member, Int task) {
        auto& program = *static_cast<Program*>(self);
        program.run_task(*program.members_[member], task);
    };
    round_ = 0;
    run_together(members, {this, next, run_task});
    return take_fault();
}

// The memory is asked for here, where a refusal can be told, and first touched by its member.
void Program::prepare(int members) {
    const auto bytes = [](Int count) { return static_cast<std::size_t>(count); };
    if (members_.empty()) {
        arena_ = Memory(bytes(code_.arena_bytes));
        bases_[arena] = reinterpret_cast<std::uintptr_t>(arena_.at());
    }
    while (static_cast<int>(members_.size()) < members) {
        Memory own_scratch(bytes(code_.scratch_bytes)), workspace(bytes(code_.workspace_bytes));
        members_.push_back(std::make_unique<Member>(std::move(own_scratch), std::move(workspace)));
    }
}

std::optional<Fault> Program::take_fault() {
    if (!faulty_.exchange(false, std::memory_order_relaxed)) return std::nullopt;
    Fault first;
    for (const auto& member : members_) keep_first(first, std::exchange(member->fault, Fault{}));
    return first;
}

// How many tasks the next stage has that has any; 0 behind the last, and where something went wrong.
Int Program::next_round() {
    if (faulty_.load(std::memory_order_relaxed)) return 0;
    while (round_ < rounds_.size()) {
        if (const Int tasks = rounds_[round_++].tasks) return tasks;
    }
    return 0;
}

void Program::run_task(Member& member, Int task) {
    const Part* part = rounds_[round_ - 1].parts.data();
    for (; task >= part->tasks; ++part) task -= part->tasks;
    run_task(member, *part, task);
}

void Program::run_task(Member& member, const Part& part, Int task) {
    const bool whole = part.tasks == 1;
    const Int begin = whole ? 0 : part.rows * task / part.tasks;
    const Int end = whole ? part.rows : part.rows * (task + 1) / part.tasks;
    Int row = begin;
    do {  // a task without rows has one chunk without rows: its results are still written
        const Int rows = part.chunk_rows == 0 ? end - row : std::min(end - row, part.chunk_rows);
        const bool first = row == begin;
        for (Int step = part.first; step < part.end; ++step) run_step(member, step, task, row, rows, first);
        row += rows;
    } while (row < end);
}

void Program::run_step(Member& member, Int number, Int task, Int row, Int rows, bool first) {
    const Step& step = steps_[number];
    char* at[most_operands + 1];
    char** next = at;
    for (const Operand* operand = step.operands; operand != step.operands_end; ++operand) {
        // Chunks follow each other in the same scratch.
        const auto base = operand->space == scratch ? reinterpret_cast<std::uintptr_t>(member.scratch.at())
                                                    : bases_[operand->space] + row * operand->row_bytes;
        *next++ = reinterpret_cast<char*>(base + operand->offset + task * operand->task_bytes);
    }
    *next = nullptr;  // so kernels see where operands end
    Fault fault;
    step.kernel({step.ints, at, rows, row, task, first, member.workspace.at(), &fault});
    if (fault.where >= 0) [[unlikely]] {
        fault.where = number;
        keep_first(member.fault, fault);
        faulty_.store(true, std::memory_order_relaxed);
    }
}

}  // namespace chainrule
