#pragma once

// The threads of this process that run programs together. They start when first needed and never end: between two runs
// they turn for some microseconds, then sleep.

#include "instruction.hpp"

namespace chainrule {

// Work that comes in rounds: tasks that are independent of each other. A round begins when the one before has ended.
struct Rounds {
    void* context;
    Int (*next)(void* context);                             // how many tasks the next round has; 0: there is none
    void (*run_task)(void* context, int member, Int task);  // what one member of the team does
};

// Runs all rounds on `members` threads: the caller, member 0, and threads of the team; on the caller alone where the
// team is at work for somebody else or no thread can be started. Only who has taken a task is waited for, so a thread
// that gets no CPU, because others use it too, holds up nobody.
void run_together(int members, const Rounds& rounds);

// In a child of a fork there are no threads but the one that forked.
void forget_team();

}  // namespace chainrule
