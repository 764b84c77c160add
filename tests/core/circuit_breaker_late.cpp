// SPDX-License-Identifier: BSL-1.0
#include "support/breaker_story.hpp"
#include "support/catch.hpp"

// Late results, administration and the ends of time. How a breaker opens and closes: circuit_breaker.cpp.

using namespace kedge_test;
using kedge::breaker_mode;
using kedge::refusal;

// Results that come late

TEST_CASE("breaker: a result of an earlier era changes nothing but a counter", "[circuit_breaker]") {
    for (const kind said : {kind::success, kind::failure, kind::overload, kind::neutral}) {
        for (const breaker_state era : every_state) {
            for (const bool closed_again : {false, true}) {
                story s;
                const auto early = s.admit();
                if (era != breaker_state::closed || closed_again) s.trip();
                if (era == breaker_state::half_open || closed_again) s.pass_open_time(), s.call(kind::neutral);
                if (closed_again) s.calls(3, kind::success);
                if (era == breaker_state::closed && !closed_again) continue;  // its own era
                const auto before = s.look();
                s.settle(early, said, 50s);
                const auto after = s.look();
                CHECK(after.state == before.state);
                CHECK(after.generation == before.generation);
                CHECK(after.next_probe_in == before.next_probe_in);
                CHECK(after.calls == before.calls);
                CHECK(after.failures == before.failures);
                CHECK(after.failures_in_a_row == before.failures_in_a_row);
                CHECK(after.stale == before.stale + 1);
            }
        }
    }
}

TEST_CASE("breaker: the window turns during a slow call, and its result still counts", "[circuit_breaker]") {
    story s;
    std::vector<kedge::core::admission> slow;
    for (int i = 0; i < 5; ++i) slow.push_back(s.admit());
    for (int i = 0; i < 4; ++i, s.now += 9s) s.call(kind::success);  // turns the window over three times
    for (const auto& call : slow) s.settle(call, kind::failure);
    CHECK(s.state() == breaker_state::open);
    CHECK(s.look().stale == 0);
}

TEST_CASE("breaker: a generation wraps around", "[circuit_breaker]") {
    story s({}, 0xffff'ffff);
    const auto early = s.admit();
    s.trip();
    CHECK(s.look().generation == 0);
    s.settle(early, kind::failure);
    CHECK(s.look().stale == 1);
    s.pass_open_time();
    s.calls(3, kind::success);
    CHECK(s.state() == breaker_state::closed);
    CHECK(s.look().generation == 2);
}

// Administration

TEST_CASE("breaker: reset closes it and makes every ticket stale", "[circuit_breaker]") {
    for (const breaker_state from : every_state) {
        story s(from);
        const auto call = s.admit();
        const auto before = s.look().generation;
        s.changes.clear();
        s.breaker.reset(s.now);
        s.note();
        CHECK(s.state() == breaker_state::closed);
        CHECK(s.look().generation == before + 1);
        CHECK(s.look().failures_in_a_row == 0);
        CHECK(s.changes.size() == (from == breaker_state::closed ? 0 : 1));
        if (call.why == refusal::none) {
            s.settle(call, kind::failure);
            CHECK(s.look().stale == 1);
        }
        s.trip();
        CHECK(s.look().next_probe_in == 5s);  // the growth is forgotten too
    }
}

TEST_CASE("breaker: isolation refuses in every state and leaves the state alone", "[circuit_breaker]") {
    for (const breaker_state state : every_state) {
        story s(state);
        s.breaker.isolate();
        s.breaker.isolate();
        CHECK(s.admit().why == refusal::isolated);
        s.breaker.end_isolation();
        CHECK(s.admit().why == refusal::isolated);
        s.breaker.end_isolation();
        CHECK(s.admit().why != refusal::isolated);
        CHECK(s.state() == state);
    }
}

TEST_CASE("breaker: disabled admits everything and counts nothing", "[circuit_breaker]") {
    for (const breaker_state state : every_state) {
        story s(state);
        s.breaker.mode(breaker_mode::disabled);
        const auto before = s.look().calls;
        s.calls(50, kind::failure);
        CHECK(s.state() == state);
        CHECK(s.look().calls == before);
        s.breaker.isolate();
        CHECK(s.admit().why == refusal::isolated);
    }
}

TEST_CASE("breaker: metrics_only runs as usual but refuses nobody", "[circuit_breaker]") {
    story s;
    s.breaker.mode(breaker_mode::metrics_only);
    s.trip();
    CHECK(s.state() == breaker_state::open);
    for (int i = 0; i < 7; ++i) CHECK(s.admit().why == refusal::none);
    CHECK(s.look().refused == 7);
    s.call(kind::failure);
    CHECK(s.look().next_probe_in == 5s);  // what is only tolerated tells nothing
    s.pass_open_time();
    s.calls(3, kind::success);
    CHECK(s.state() == breaker_state::closed);
    CHECK(s.changes.size() == 3);
}

TEST_CASE("breaker: neutral in metrics_only does not break a run", "[circuit_breaker]") {
    story s;
    s.breaker.mode(breaker_mode::metrics_only);
    s.calls(4, kind::failure);
    s.call(kind::neutral);
    s.call(kind::failure);
    CHECK(s.state() == breaker_state::open);
}

// Time

TEST_CASE("breaker: time that steps back 10 ms does no harm", "[circuit_breaker]") {
    for (const breaker_state state : every_state) {
        story s(state);
        const auto before = s.look();
        s.now -= 10ms;
        const auto call = s.admit();
        CHECK(s.look().state == before.state);
        s.settle(call, kind::success);
        CHECK(s.look().in_state >= 0s);
    }
    story s;
    for (int i = 0; i < 1000; ++i, s.now += i % 2 ? 20ms : -10ms) s.call(i % 3 ? kind::success : kind::failure);
    CHECK(s.state() == breaker_state::closed);
    CHECK(s.look().calls > 900);
}

TEST_CASE("breaker: durations do not overflow", "[circuit_breaker]") {
    story s({.slow_call = nanoseconds::max(), .open_for = nanoseconds::max() / 2, .open_for_max = nanoseconds::max()});
    s.trip();
    CHECK(s.look().next_probe_in >= nanoseconds::max() / 4);
    s.now = kedge::never;
    CHECK(s.admit().why == refusal::none);
    s.call(kind::success);
    s.breaker.reset(s.now);
    s.trip();
    CHECK(s.state() == breaker_state::open);
}
