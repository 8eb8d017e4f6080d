#include "team.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "../threads.hpp"
#include "waiting.hpp"

#ifdef __linux__
#include <sched.h>
#endif
#ifndef _WIN32
#include <csignal>
#endif

namespace chainrule {
namespace {

using namespace std::chrono_literals;

constexpr Clock::duration turning = 50us, yielding_in_a_run = 1ms;
constexpr int anywhere = -1, most_members = 1024;

struct alignas(64) Member {
    Waiting waiting;
    std::atomic<int> cpu{anywhere};  // where it shall stand
};

// A round in one number, so that it can be looked at and a task be taken in one step: who may take part (members below
// this one) and how many tasks nobody has taken.
struct Offer {
    std::uint32_t members, tasks;
    explicit Offer(std::uint64_t number)
        : members(static_cast<std::uint32_t>(number >> 32)), tasks(static_cast<std::uint32_t>(number)) {}
    static std::uint64_t number(int members, Int tasks) {
        return static_cast<std::uint64_t>(members) << 32 | static_cast<std::uint64_t>(tasks);
    }
    bool is_for(int member) const { return tasks > 0 && static_cast<std::uint32_t>(member) < members; }
};

// Who has taken a task may read `rounds`, `members` and `tasks`: they stay as they are until the task is done.
struct Team {
    std::atomic<bool> taken{false};
    std::vector<std::unique_ptr<Member>> all;  // the first is whoever calls
    std::vector<int> cpus;
    std::atomic<bool> crowded{false};  // more members than CPUs: who turns stands in the way of who works
    std::atomic<bool> running{false};
    Rounds rounds{};
    int members = 0;
    Int tasks = 0;
    alignas(64) std::atomic<std::uint64_t> offer{0};
    alignas(64) std::atomic<Int> unfinished{0};
};

// Never destroyed: its threads may look at it until the process ends.
Team& the_team() {
    static Team* const team = new Team;
    return *team;
}

template <typename Ready>
void wait_until(const Team& team, Member& member, Ready ready) {
    const bool crowded = team.crowded.load(std::memory_order_relaxed), running = team.running.load();
    member.waiting.until(ready, crowded ? 0us : turning, running ? yielding_in_a_run : 0us);
}

// The members beyond the number of tasks may sleep on.
void begin_round(Team& team, Int tasks) {
    team.tasks = tasks;
    team.unfinished.store(tasks, std::memory_order_relaxed);
    const int members = team.members;
    team.offer.store(Offer::number(members, tasks));
    for (int i = 0; i < members && i < tasks; ++i) team.all[i]->waiting.wake();
}

void next_round(Team& team) {
    if (const Int tasks = team.rounds.next(team.rounds.context)) return begin_round(team, tasks);
    Waiting& caller = team.all[0]->waiting;
    team.running.store(false);
    caller.wake();
}

// The number of the task taken, or -1.
Int take_task(Team& team, int member) {
    std::uint64_t number = team.offer.load();
    while (Offer(number).is_for(member)) {
        if (team.offer.compare_exchange_weak(number, number - 1)) return team.tasks - Offer(number).tasks;
    }
    return -1;
}

void take_part(Team& team, int member) {
    Int done = 0;
    for (Int task; (task = take_task(team, member)) >= 0; ++done) {
        team.rounds.run_task(team.rounds.context, member, task);
    }
    if (done > 0 && team.unfinished.fetch_sub(done, std::memory_order_acq_rel) == done) next_round(team);
}

void serve(Team& team, Member& self, int member) {
    int cpu = anywhere;
    for (;;) {
        wait_until(team, self, [&] { return Offer(team.offer.load()).is_for(member); });
        const int wanted = self.cpu.load(std::memory_order_relaxed);
        if (wanted != cpu) pin_thread(cpu = wanted);
        take_part(team, member);
    }
}

// Signals are Python's: they go to the threads that it knows.
class SignalsBlocked {
#ifndef _WIN32
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
#endif
};

int size_of(const Team& team) { return static_cast<int>(team.all.size()); }

void add_member(Team& team) {
    auto self = std::make_unique<Member>();
    std::thread([&team, &self = *self, member = size_of(team)] { serve(team, self, member); }).detach();
    team.all.push_back(std::move(self));
}

// Gives the team this many members, or fewer where no more threads are to be had.
void grow(Team& team, int members) {
    members = std::min(members, most_members);
    if (size_of(team) >= members) return;
    [[maybe_unused]] const SignalsBlocked blocked;
    try {
        team.all.reserve(most_members);  // never to move: who began the last round may still be waking up members
        if (team.all.empty()) team.all.push_back(std::make_unique<Member>());
        while (size_of(team) < members) add_member(team);
    } catch (const std::exception&) {
        // Those that there are do the work.
    }
}

int this_cpu() {
#ifdef __linux__
    return sched_getcpu();
#else
    return anywhere;
#endif
}

// With a member for each CPU, each thread of the team gets a CPU of its own, none the caller's: left alone, the
// scheduler at times keeps two of them on one CPU while another is idle. With fewer members it finds idle CPUs for
// them, and to choose for it would put the teams of several processes onto the same ones.
void place(Team& team, int members) {
    const auto sleeps = [](const auto& member) { return member->waiting.asleep(); };
    const auto first = team.all.begin();
    auto here = std::find(team.cpus.begin(), team.cpus.end(), this_cpu());
    if (here == team.cpus.end() || std::any_of(first, first + members, sleeps)) {
        team.cpus = allowed_cpus();  // they may have changed
        here = std::find(team.cpus.begin(), team.cpus.end(), this_cpu());
    }
    const int cpus = static_cast<int>(team.cpus.size()), at = static_cast<int>(here - team.cpus.begin());
    team.crowded.store(members > (cpus > 0 ? cpus : usable_threads()), std::memory_order_relaxed);
    for (int i = 1; i < members; ++i) {
        std::atomic<int>& cpu = team.all[i]->cpu;
        // A thread that once had a CPU of its own goes on having one.
        if (members != cpus && cpu.load(std::memory_order_relaxed) == anywhere) continue;
        cpu.store(team.cpus[(at + i) % cpus], std::memory_order_relaxed);
    }
}

void run_alone(const Rounds& rounds) {
    while (const Int tasks = rounds.next(rounds.context)) {
        for (Int task = 0; task < tasks; ++task) rounds.run_task(rounds.context, 0, task);
    }
}

void run_with_team(Team& team, int members, const Rounds& rounds) {
    grow(team, members);
    team.members = std::min(members, size_of(team));
    if (team.members <= 1) return run_alone(rounds);
    place(team, team.members);
    team.rounds = rounds;
    team.running.store(true, std::memory_order_relaxed);
    next_round(team);
    const auto ended = [&] { return !team.running.load(); };
    while (!ended()) {
        take_part(team, 0);
        wait_until(team, *team.all[0], [&] { return ended() || Offer(team.offer.load()).is_for(0); });
    }
}

}  // namespace

void run_together(int members, const Rounds& rounds) {
    Team& team = the_team();
    if (members <= 1 || team.taken.exchange(true, std::memory_order_acquire)) return run_alone(rounds);
    run_with_team(team, members, rounds);
    team.taken.store(false, std::memory_order_release);
}

void forget_team() {
    Team& team = the_team();
    for (auto& member : team.all) (void)member.release();  // their threads are gone, not ended
    team.all.clear();
}

}  // namespace chainrule
