// SPDX-License-Identifier: BSL-1.0
#include "support/breaker_story.hpp"
#include "support/catch.hpp"

#include <string>

// How a breaker opens and closes. What comes late or from an operator: circuit_breaker_late.cpp.

using namespace kedge_test;
using kedge::refusal;

// The life of a breaker

TEST_CASE("breaker: five failures in a row open it, three probes close it", "[circuit_breaker]") {
    story s;
    s.calls(4, kind::failure);
    CHECK(s.state() == breaker_state::closed);
    s.call(kind::failure);
    CHECK(s.state() == breaker_state::open);

    const auto refused = s.admit();
    CHECK(refused.why == refusal::open);
    CHECK(refused.retry_after == 5s);

    s.now += 5s - 1ns;
    CHECK(s.admit().why == refusal::open);
    s.now += 1ns;
    s.calls(2, kind::success);
    CHECK(s.state() == breaker_state::half_open);
    s.call(kind::success);
    CHECK(s.state() == breaker_state::closed);

    REQUIRE(s.changes.size() == 3);
    CHECK(s.changes[0].to == breaker_state::open);
    CHECK(s.changes[0].calls == 5);
    CHECK(s.changes[0].failures_in_a_row == 5);
    CHECK(s.changes[0].open_for == 5s);
    CHECK(s.changes[1].to == breaker_state::half_open);
    CHECK(s.changes[2].to == breaker_state::closed);
}

TEST_CASE("breaker: a hang opens it with the fifth timeout, not a second after the first", "[circuit_breaker]") {
    story s;
    s.calls(500, kind::success, 10ms);
    s.now += 5s;
    for (int i = 1; i <= 5; ++i) {
        CHECK(s.state() == breaker_state::closed);
        s.settle(s.admit(), kind::failure, 0s, 5s);
        s.now += 5ms;
    }
    CHECK(s.state() == breaker_state::open);
}

TEST_CASE("breaker: five timeouts in a row are chance while others succeed", "[circuit_breaker]") {
    story s;
    s.calls(500, kind::success, 10ms);
    for (int i = 1; i <= 5; ++i) s.settle(s.admit(), kind::failure, 0s, 5s);
    CHECK(s.state() == breaker_state::closed);
}

TEST_CASE("breaker: what opens it", "[circuit_breaker]") {
    struct row {
        const char* story;
        std::string results;  // s success, f failure, o overload, n neutral
        nanoseconds apart;
        breaker_state after;
    };
    const auto times = [](int n, const std::string& what) {
        std::string all;
        for (; n > 0; --n) all += what;
        return all;
    };
    const auto closed = breaker_state::closed, open = breaker_state::open;
    const row table[] = {
        {"a success breaks the run", "ffffsffff", 10ms, closed},
        {"overload counts as failure", "ooooo", 10ms, open},
        {"neutral neither counts nor breaks the run", "ffnnnfff", 10ms, open},
        {"neutral alone does nothing", times(100, "n"), 10ms, closed},
        {"clearly more than half of twenty calls", times(5, "sfff"), 10ms, open},
        {"nineteen calls are too few for a ratio", times(4, "sfff") + "sff", 10ms, closed},
        {"half and a little more are chance while calls are few", times(10, "fsffs"), 10ms, closed},
        {"and an outage when they are many", times(60, "fsffs"), 10ms, open},
        {"half of any number is not more than half", times(1000, "sf"), 1ms, closed},
        {"less than half", times(30, "sfs"), 10ms, closed},
        {"five in a row are an outage after health", times(15, "s") + "fffff", 1s, open},
        {"and after a single failure", times(8, "s") + "fs" + "fffff", 1s, open},
        {"but eight calls prove little: with one failure among them the next may be chance", times(6, "s") + "fs" + "fffff",
         100ms, closed},
        {"and chance where a third fails all the time", times(20, "ssf") + "s" + "ffffffs", 1s, closed},
        {"but not nine", times(20, "ssf") + "s" + "fffffffff", 1s, open},
        {"more failures than the ratio are never usual: twelve are enough", times(10, "ffs") + times(12, "f"), 1s, open},
        {"five in a row within a second of heavy traffic are chance", times(40, "s") + "fffffs", 10ms, closed},
        {"a run of a second is an outage at any traffic", times(1000, "s") + times(101, "f"), 10ms, open},
        {"a run of less than a second is none", times(1000, "s") + times(100, "f"), 10ms, closed},
        {"old calls leave the window, and five failures suffice again", times(40, "s") + "fffff", 11s, open},
        {"also where a third failed before", times(40, "ssf") + "s" + "fffff", 11s, open},
    };
    for (const row& r : table) {
        INFO(r.story);
        story s;
        for (const char c : r.results) {
            s.call(c == 's' ? kind::success : c == 'f' ? kind::failure : c == 'o' ? kind::overload : kind::neutral);
            if (s.state() != closed) break;
            s.now += r.apart;
        }
        CHECK(s.state() == r.after);
    }
}

TEST_CASE("breaker: without a window only the run counts, and at once", "[circuit_breaker]") {
    story s({.window = 0s});
    s.calls(1000, kind::success);
    s.calls(4, kind::failure);
    CHECK(s.state() == breaker_state::closed);
    s.call(kind::failure);
    CHECK(s.state() == breaker_state::open);
    CHECK(s.look().calls == 0);
}

TEST_CASE("breaker: a slow success is a failure if slow_call is set", "[circuit_breaker]") {
    for (const bool set : {false, true}) {
        story s({.slow_call = set ? nanoseconds(1s) : nanoseconds(0s)});
        for (int i = 0; i < 5; ++i) s.settle(s.admit(), kind::success, 0s, 1s);
        CHECK((s.state() == breaker_state::open) == set);
    }
    story fast({.slow_call = 1s});
    for (int i = 0; i < 100; ++i) fast.settle(fast.admit(), kind::success, 0s, 1s - 1ns);
    CHECK(fast.state() == breaker_state::closed);
}

// How long it stays open

TEST_CASE("breaker: the open time doubles from the second dead cycle on, up to its maximum", "[circuit_breaker]") {
    story s;
    s.trip();
    for (const auto expected : {5s, 5s, 10s, 20s, 40s, 60s, 60s}) {
        CHECK(s.look().next_probe_in == expected);
        s.pass_open_time();
        s.call(kind::failure);
    }
}

TEST_CASE("breaker: half of the open time is jitter", "[circuit_breaker]") {
    for (const std::uint64_t random : {0ULL, 1ULL, 2'500'000'000ULL, 2'500'000'001ULL, ~0ULL}) {
        kedge::core::circuit_breaker b({}, start);
        for (int i = 0; i < 5; ++i)
            b.settle(b.admit(start, random).ticket, {{kind::failure}, start, start, {}}, random);
        CHECK(b.snapshot(start).next_probe_in >= 2500ms);
        CHECK(b.snapshot(start).next_probe_in <= 5s);
        if (random == 2'500'000'000ULL) CHECK(b.snapshot(start).next_probe_in == 2500ms);
    }
}

TEST_CASE("breaker: the growth outlives a short recovery and is forgotten after a calm one", "[circuit_breaker]") {
    for (const bool calm : {false, true}) {
        story s;
        s.trip();
        for (int dead = 0; dead < 2; ++dead) {
            s.pass_open_time();
            s.call(kind::failure);
        }
        s.pass_open_time();
        s.calls(3, kind::success);
        s.now += calm ? nanoseconds(60s) : nanoseconds(60s - 1ns);
        s.trip();
        CHECK(s.look().next_probe_in == (calm ? 5s : 10s));
    }
}

TEST_CASE("breaker: Retry-After raises the open time, to the maximum", "[circuit_breaker]") {
    struct row {
        nanoseconds hint, open_for;
    };
    for (const row r : {row{1s, 5s}, row{30s, 30s}, row{10min, 60s}, row{nanoseconds::max(), 60s}}) {
        story s;
        s.settle(s.admit(), kind::overload, r.hint);  // given by any failure of the run, not only by the last
        s.calls(4, kind::failure);
        CHECK(s.look().next_probe_in == r.open_for);
    }
    story probing(breaker_state::half_open);
    probing.settle(probing.admit(), kind::overload, 45s);
    CHECK(probing.look().next_probe_in == 45s);
}

// Probes

TEST_CASE("breaker: probes go one at a time", "[circuit_breaker]") {
    story s(breaker_state::half_open);
    const auto probe = s.admit();
    CHECK(probe.why == refusal::none);
    s.now += 4s;
    CHECK(s.admit().why == refusal::half_open_full);
    CHECK(s.admit().retry_after == 6s);  // at the latest: the rest of the probe's lease
    s.settle(probe, kind::success);
    CHECK(s.admit().why == refusal::none);
}

TEST_CASE("breaker: a probe's ticket is never mistaken for that of a closed breaker", "[circuit_breaker]") {
    story s({.window = 0s});  // found by the exhaustive test: the serial 2 was the state half_open
    for (int cycle = 0; cycle < 20; ++cycle) {
        s.breaker.reset(s.now);
        s.trip();
        s.pass_open_time();
        for (int i = 0; i < cycle; ++i) s.call(kind::neutral);
        s.calls(3, kind::success);
        REQUIRE(s.state() == breaker_state::closed);
    }
}

TEST_CASE("breaker: a failed probe opens it again, and a good one before it ends the growth",
          "[circuit_breaker]") {
    for (int good = 0; good < 3; ++good) {
        story s(breaker_state::half_open);
        for (int dead = 0; dead < 2; ++dead) {
            s.call(kind::failure);
            s.pass_open_time();
        }
        s.calls(good, kind::success);
        s.call(kind::failure);
        CHECK(s.state() == breaker_state::open);
        CHECK(s.look().next_probe_in == (good == 0 ? 20s : 5s));
    }
}

TEST_CASE("breaker: a cancelled probe gives its slot back, once, and counts for nothing", "[circuit_breaker]") {
    story s(breaker_state::half_open);
    for (int i = 0; i < 100; ++i) s.call(kind::neutral);
    const auto cancelled = s.admit();
    s.settle(cancelled, kind::neutral);
    s.settle(cancelled, kind::neutral);
    const auto probe = s.admit();
    CHECK(probe.why == refusal::none);
    CHECK(s.admit().why == refusal::half_open_full);
    s.settle(cancelled, kind::neutral);  // does not free the slot of another probe
    CHECK(s.admit().why == refusal::half_open_full);
    s.settle(probe, kind::success);
    s.calls(2, kind::success);
    CHECK(s.state() == breaker_state::closed);
}

TEST_CASE("breaker: a hung probe cannot wedge it", "[circuit_breaker]") {
    story s(breaker_state::half_open);
    const auto hung = s.admit();
    s.now += 10s;
    CHECK(s.admit().why == refusal::open);  // the lease has passed: a failure
    const auto until = s.look().next_probe_in;
    s.settle(hung, kind::success);  // too late to tell anything
    CHECK(s.state() == breaker_state::open);
    CHECK(s.look().next_probe_in == until);
    CHECK(s.look().stale == 1);
    s.pass_open_time();
    s.calls(3, kind::success);
    CHECK(s.state() == breaker_state::closed);
}

TEST_CASE("breaker: a probe that reports after its lease has failed, even if nobody came in between",
          "[circuit_breaker]") {
    story s(breaker_state::half_open);
    const auto late = s.admit();
    s.now += 10s;
    s.settle(late, kind::success);
    CHECK(s.state() == breaker_state::open);
    CHECK(s.look().stale == 1);
}

TEST_CASE("breaker: one probe fails, the next hangs", "[circuit_breaker]") {
    story s(breaker_state::half_open);
    s.call(kind::failure);
    s.pass_open_time();
    const auto hung = s.admit();
    CHECK(hung.why == refusal::none);
    s.now += 10s;
    CHECK(s.admit().why == refusal::open);
    CHECK(s.look().next_probe_in == 10s);
    s.pass_open_time();
    const auto probe = s.admit();
    s.settle(hung, kind::failure);  // of an earlier cycle
    CHECK(s.state() == breaker_state::half_open);
    s.settle(probe, kind::success);
    s.calls(2, kind::success);
    CHECK(s.state() == breaker_state::closed);
}
