#include "steps.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "without_gil.hpp"

namespace nb = nanobind;

namespace chainrule {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument("steps: " + what); }

}  // namespace

Steps::Steps(nb::handle turns, nb::handle fed, nb::handle results)
    : kept_(nb::borrow(turns)), fed_(buffers_of(fed, true)), results_(buffers_of(results, false)) {
    for (const nb::handle turn : turns) {
        Turn& made = turns_.emplace_back();
        for (const nb::handle program : turn[0]) made.programs.push_back(&nb::cast<BoundProgram&>(program));
        for (const nb::handle copy : turn[1]) {
            made.copies.push_back({std::make_unique<Buffer>(copy[0], false), std::make_unique<Buffer>(copy[1], true)});
            const Copy& last = made.copies.back();
            if (last.from->bytes() != last.to->bytes()) fail("a copy to an array of another size");
        }
    }
    if (turns_.empty()) fail("expected a turn");
}

Steps::Feed Steps::feed_of(nb::handle number, nb::handle array, Int parts) const {
    const auto index = nb::cast<Int>(number);
    if (index < 0 || index >= static_cast<Int>(fed_.size())) fail("no array " + std::to_string(index) + " is fed");
    const Buffer& to = *fed_[index];
    if (parts < 1 || to.bytes() % parts != 0) fail("array " + std::to_string(index) + " has another number of rows");
    return {std::make_unique<Buffer>(array, false), to.at(), to.bytes() / parts};
}

std::tuple<Int, std::optional<FaultTuple>> Steps::run(int threads, Int turn, nb::handle order, nb::handle rows,
                                                      nb::handle numbers, nb::handle results) {
    if (turn < 0) fail("expected a turn of at least 0");
    const Buffer order_buffer(order, false);
    const auto* chosen = reinterpret_cast<const Int*>(order_buffer.at());
    const auto steps = nb::cast<Int>(order.attr("shape")[0]), batch = nb::cast<Int>(order.attr("shape")[1]);
    if (order_buffer.bytes() != steps * batch * static_cast<Int>(sizeof(Int))) fail("order holds no int64");

    std::vector<Feed> gathered, set;
    for (const nb::handle given : rows) {
        const Feed& feed = gathered.emplace_back(feed_of(given[0], given[1], batch));
        const Int count = feed.bytes ? feed.from->bytes() / feed.bytes : 0;
        for (Int i = 0; i < steps * batch; ++i) {
            if (chosen[i] < 0 || chosen[i] >= count) fail("there is no row " + std::to_string(chosen[i]));
        }
    }
    for (const nb::handle given : numbers) {
        const Feed& feed = set.emplace_back(feed_of(given[0], given[1], 1));
        if (feed.from->bytes() != steps * feed.bytes) fail("expected a number for each step");
    }
    const Buffers to = buffers_of(results, true);
    if (to.size() > results_.size()) fail("there are fewer results");
    for (std::size_t i = 0; i < to.size(); ++i) {
        if (to[i]->bytes() != steps * results_[i]->bytes()) fail("expected room for the results of each step");
    }
    const bool watched = !to.empty() && results_[0]->bytes() == sizeof(float);

    const WithoutGil released;
    for (Int step = 0; step < steps; ++step, chosen += batch) {
        for (const Feed& feed : gathered) {
            for (Int i = 0; i < batch; ++i) {
                std::memcpy(feed.to + i * feed.bytes, feed.from->at() + chosen[i] * feed.bytes, feed.bytes);
            }
        }
        for (const Feed& feed : set) std::memcpy(feed.to, feed.from->at() + step * feed.bytes, feed.bytes);
        if (const auto fault = run_programs(threads, turn + step)) return {step, fault};
        for (std::size_t i = 0; i < to.size(); ++i) {
            const Int bytes = results_[i]->bytes();
            std::memcpy(to[i]->at() + step * bytes, results_[i]->at(), bytes);
        }
        float first = 0;
        if (watched) std::memcpy(&first, results_[0]->at(), sizeof first);
        if (!std::isfinite(first)) return {step + 1, std::nullopt};
    }
    return {steps, std::nullopt};
}

std::optional<float> Steps::once(int threads, Int turn, Int below, nb::args given) {
    if (turn < 0) fail("expected a turn of at least 0");
    if (results_.empty() || results_[0]->bytes() != sizeof(float)) fail("expected a float32 as the first result");
    if (given.size() % 2 != 0) fail("expected an index before every array");
    std::vector<Feed> feeds;
    for (std::size_t i = 0; i < given.size(); i += 2) feeds.push_back(feed_of(given[i], given[i + 1], 1));
    for (const Feed& feed : feeds) {
        if (feed.from->bytes() != feed.bytes) fail("expected an array of " + std::to_string(feed.bytes) + " bytes");
    }
    if (below > 0 && !feeds.empty()) {
        const Feed& codes = feeds.back();
        for (Int at = 0; at + static_cast<Int>(sizeof(Int)) <= codes.bytes; at += sizeof(Int)) {
            Int code;
            std::memcpy(&code, codes.from->at() + at, sizeof code);
            if (code < 0 || code >= below) return std::nullopt;
        }
    }
    const WithoutGil released;
    for (const Feed& feed : feeds) std::memcpy(feed.to, feed.from->at(), feed.bytes);
    if (run_programs(threads, turn)) return std::nullopt;
    float first;
    std::memcpy(&first, results_[0]->at(), sizeof first);
    return first;
}

std::optional<FaultTuple> Steps::run_programs(int threads, Int turn) {
    const Turn& now = turns_[turn % turns_.size()];
    for (BoundProgram* program : now.programs) {
        if (const auto fault = program->run_released(threads)) return fault;
    }
    for (const Copy& copy : now.copies) std::memcpy(copy.to->at(), copy.from->at(), copy.to->bytes());
    return std::nullopt;
}

}  // namespace chainrule
