// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/circuit_breaker.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// The handle and the permits it gives. How it decides: tests/core/circuit_breaker.cpp.

using namespace std::chrono_literals;
using kedge::breaker_state;
using kedge::time_point;

namespace {

void trip(kedge::circuit_breaker& breaker, time_point now) {
    for (int i = 0; i < 5; ++i) breaker.try_acquire(now).failure(now);
}

}  // namespace

TEST_CASE("breaker handle: copies share the state, and a permit ends once", "[circuit_breaker]") {
    kedge::circuit_breaker breaker, copy = breaker;
    const time_point now{1h};
    auto permit = breaker.try_acquire(now);
    permit.failure(now);
    permit.failure(now);
    CHECK_FALSE(permit);
    CHECK(copy.snapshot(now).failures == 1);

    auto moved = breaker.try_acquire(now);
    auto target = std::move(moved);
    CHECK(target);
    target = breaker.try_acquire(now);  // the overwritten one ends neutral
    CHECK(copy.snapshot(now).calls == 1);
}

TEST_CASE("breaker handle: a listener may call the breaker, and hears changes in order", "[circuit_breaker]") {
    std::vector<breaker_state> heard;
    kedge::circuit_breaker* self = nullptr;
    kedge::circuit_breaker breaker{{.name = "prices", .on_event = [&](const kedge::event& e) noexcept {
                                        const auto& change = std::get<kedge::breaker_changed>(e);
                                        heard.push_back(change.to);
                                        if (change.to == breaker_state::open) self->reset(time_point{1h});
                                    }}};
    self = &breaker;
    trip(breaker, time_point{1h});
    CHECK(heard == std::vector{breaker_state::open, breaker_state::closed});
}

TEST_CASE("breaker handle: isolation is counted and outlives nothing", "[circuit_breaker]") {
    kedge::circuit_breaker breaker;
    {
        auto first = breaker.isolate();
        auto second = breaker.isolate();
        first = std::move(second);
        CHECK(breaker.try_acquire().why() == kedge::refusal::isolated);
        CHECK(breaker.snapshot().isolations == 1);
    }
    CHECK(breaker.try_acquire());
    kedge::isolation orphan = kedge::circuit_breaker{}.isolate();
}

TEST_CASE("breaker handle: what it says", "[circuit_breaker]") {
    const time_point now{1h};
    kedge::circuit_breaker breaker{{.consecutive_failures = 2}};
    breaker.reset(now);
    CHECK(to_string(breaker.snapshot(now)) == "closed for 0 ns; 0 of 0 calls failed");
    for (int i = 0; i < 2; ++i)
        breaker.try_acquire(now).finish({kedge::kind::failure}, now, make_error_code(kedge::errc::timed_out));
    const auto open = breaker.snapshot(now);
    CHECK(to_string(open) == "open for 0 ns, next probe in " + kedge::to_string(open.next_probe_in) +
                                 "; 2 of 2 calls failed (100 %), 2 in a row, last: timed out");
    CHECK(to_string(breaker.snapshot(now + 5s)) ==
          "open for 5.0 s, the next call is a probe; 2 of 2 calls failed (100 %), 2 in a row, last: timed out");
}

TEST_CASE("breaker handle: nonsense is refused by name, value and range", "[circuit_breaker]") {
    using kedge::circuit_breaker;
    const auto complaint = [](kedge::circuit_breaker_options options) -> std::string {
        try {
            circuit_breaker{std::move(options)};
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "accepted";
    };
    CHECK(complaint({.consecutive_failures = 0}) ==
          "kedge::circuit_breaker_options: consecutive_failures = 0, but it must be 1 or more");
    CHECK(complaint({.failure_ratio = 1.5}).find("failure_ratio = 1.5") != std::string::npos);
    CHECK(complaint({.failure_ratio = 0}).find("failure_ratio") != std::string::npos);
    CHECK(complaint({.window = 99ms}).find("window = 99 ms") != std::string::npos);
    CHECK(complaint({.minimum_calls = 0}).find("minimum_calls") != std::string::npos);
    CHECK(complaint({.slow_call = -1s}).find("slow_call") != std::string::npos);
    CHECK(complaint({.open_for = 0s}).find("open_for") != std::string::npos);
    CHECK(complaint({.open_for = 5s, .open_for_max = 4s}).find("open_for_max") != std::string::npos);
    CHECK(complaint({.window = 0s}) == "accepted");
}
