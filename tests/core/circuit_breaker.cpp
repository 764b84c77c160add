// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/circuit_breaker.hpp>
#include <kedge/error.hpp>

#include <string>
#include <vector>

// The breaker is a function of (state, event, time, randomness). Each test tells a story in calls at explicit times;
// `random` is 0, which makes the equal jitter its longest: the breaker is open for exactly open_for · 2^n.

using namespace std::chrono_literals;
using kedge::breaker_mode;
using kedge::breaker_state;
using kedge::kind;
using kedge::nanoseconds;
using kedge::refusal;
using kedge::time_point;

namespace {

constexpr time_point start{1h};

/// A breaker with its clock, and what a test asks about it in one word.
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

const auto every_state = {breaker_state::closed, breaker_state::open, breaker_state::half_open};

}  // namespace

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
        {"half of twenty calls", times(10, "sf"), 10ms, open},
        {"nineteen calls are too few for a ratio", times(9, "sf") + "s", 10ms, closed},
        {"less than half", times(30, "sfs"), 10ms, closed},
        {"five in a row within a second of heavy traffic are chance", times(40, "s") + "fffffs", 10ms, closed},
        {"a run of a second is an outage at any traffic", times(1000, "s") + times(101, "f"), 10ms, open},
        {"a run of less than a second is none", times(1000, "s") + times(100, "f"), 10ms, closed},
        {"old calls leave the window, and five failures suffice again", times(40, "s") + "fffff", 11s, open},
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

TEST_CASE("breaker: the open time doubles up to its maximum", "[circuit_breaker]") {
    story s;
    s.trip();
    for (const auto expected : {5s, 10s, 20s, 40s, 60s, 60s}) {
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

TEST_CASE("breaker: a failed probe opens it again", "[circuit_breaker]") {
    for (int good = 0; good < 3; ++good) {
        story s(breaker_state::half_open);
        s.calls(good, kind::success);
        s.call(kind::failure);
        CHECK(s.state() == breaker_state::open);
        CHECK(s.look().next_probe_in == 10s);
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

TEST_CASE("breaker: a probe that reports after its lease has failed, even if nobody came in between", "[circuit_breaker]") {
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
    CHECK(s.look().next_probe_in == 20s);
    s.pass_open_time();
    const auto probe = s.admit();
    s.settle(hung, kind::failure);  // of an earlier cycle
    CHECK(s.state() == breaker_state::half_open);
    s.settle(probe, kind::success);
    s.calls(2, kind::success);
    CHECK(s.state() == breaker_state::closed);
}

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
