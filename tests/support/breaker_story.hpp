// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/circuit_breaker.hpp>

#include <vector>

namespace kedge_test {

using namespace std::chrono_literals;
using kedge::breaker_state;
using kedge::kind;
using kedge::nanoseconds;
using kedge::time_point;

inline constexpr time_point start{1h};

/** A breaker with its clock, and what a test asks about it in one word.
 *
 *  The breaker is a function of (state, event, time, randomness): a test tells a story in calls at explicit times. The
 *  random number is 0, which makes the equal jitter its longest: it is open for exactly open_for · 2^n.
 */
struct story {
    explicit story(kedge::core::breaker_rules rules = {}, std::uint32_t generation = 0)
        : breaker(rules, start, generation) {}

    /// Begins in the given state, without calls under way.
    explicit story(breaker_state begin) : story() {
        if (begin == breaker_state::closed) return;
        trip();
        if (begin == breaker_state::open) return;
        pass_open_time();
        call(kind::neutral);
    }

    kedge::core::admission admit() {
        auto answer = breaker.admit(now, 0);
        note();
        return answer;
    }
    void settle(const kedge::core::admission& call, kind said, nanoseconds retry_after = 0s, nanoseconds took = 0s) {
        breaker.settle(call.ticket, {{said, kedge::replay::never, retry_after}, now - took, now, {}}, 0);
        note();
    }
    void call(kind said) { settle(admit(), said); }
    void calls(int n, kind said, nanoseconds apart = 0s) {
        for (; n > 0; --n, now += apart) call(said);
    }
    void trip() { calls(5, kind::failure); }
    void pass_open_time() { now += breaker.snapshot(now).next_probe_in; }

    breaker_state state() { return breaker.snapshot(now).state; }
    kedge::breaker_snapshot look() { return breaker.snapshot(now); }

    void note() {
        if (const auto change = breaker.take_change()) changes.push_back(*change);
    }

    kedge::core::circuit_breaker breaker;
    time_point now = start;
    std::vector<kedge::breaker_changed> changes;
};

inline const auto every_state = {breaker_state::closed, breaker_state::open, breaker_state::half_open};

}  // namespace kedge_test
