// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/play.hpp"

#include <kedge/blocking.hpp>
#include <kedge/circuit_breaker.hpp>
#include <kedge/pipeline.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The handle and the permits it gives. How it decides: tests/core/circuit_breaker.cpp.

using namespace std::chrono_literals;
using kedge::breaker_state;
using kedge::time_point;
using kedge_test::error_code;
using kedge_test::scripted_operation;

namespace {

void trip(kedge::circuit_breaker& breaker, time_point now) {
    for (int i = 0; i < 5; ++i) breaker.try_acquire(now).failure(now);
}

/// A call stands in line for a limit of one, whose place somebody else has.
struct line {
    void open() { breaker.try_acquire(sim.now()).failure(sim.now()); }
    void give_turn() { elsewhere.neutral(); }

    kedge::testing::simulation sim;
    kedge::circuit_breaker breaker{{.consecutive_failures = 1, .window = 0s, .open_for = 1s}};
    kedge::concurrency_limit limit{1, 5};
    kedge::permit elsewhere = limit.try_acquire();
    scripted_operation op{sim.get_executor(), {{1ms, {}}}};
    std::optional<error_code> end{};
};

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

TEST_CASE("breaker in line: who stands in line when it opens is refused when the turn comes", "[circuit_breaker]") {
    kedge::testing::simulation sim;
    kedge::circuit_breaker breaker({.consecutive_failures = 1});
    kedge::concurrency_limit limit(1, 5);
    const kedge::pipeline p{sim, breaker, limit, kedge::timeout{1s}};
    scripted_operation silent(sim.get_executor(), {{100s, {}}});
    std::vector<error_code> ends;
    for (int i = 0; i < 4; ++i) p.async_call(silent, [&](error_code ec, int) { ends.push_back(ec); });
    sim.run();
    REQUIRE(ends.size() == 4);
    CHECK(ends[0] == kedge::errc::timed_out);
    for (std::size_t i = 1; i < 4; ++i) CHECK(ends[i] == kedge::errc::circuit_open);
    CHECK(silent.attempts() == 1);
    CHECK(sim.elapsed() == 1s);
    CHECK(limit.snapshot().in_flight == 0);
}

TEST_CASE("breaker in line: a retry refused when its turn comes was not made, so it is not paid for", "[circuit_breaker]") {
    line l;
    kedge::retry_budget budget(10);
    const kedge::retry again({.base = 100ms, .cap = 100ms, .spread = kedge::jitter::none, .idempotent = true}, budget);
    const kedge::pipeline p{l.sim, again, l.breaker, l.limit};
    scripted_operation fails(l.sim.get_executor(), {{0s, boost::asio::error::connection_reset}});
    l.breaker.mode(kedge::breaker_mode::disabled);  // the first failure does not count yet
    l.give_turn();
    p.async_call(fails, [&](error_code ec, int) { l.end = ec; });
    l.sim.run_for(50ms);
    CHECK(budget.core().tokens(l.sim.now()) < 10);
    l.breaker.mode(kedge::breaker_mode::normal);
    l.elsewhere = l.limit.try_acquire();
    l.sim.run_for(60ms);
    REQUIRE(l.limit.snapshot().waiting == 1);
    l.open();
    l.give_turn();
    l.sim.run();
    CHECK(l.end == boost::asio::error::connection_reset);
    CHECK(fails.attempts() == 1);
    CHECK(budget.core().tokens(l.sim.now()) == 10);
    CHECK(l.limit.snapshot().in_flight == 0);
}

TEST_CASE("breaker in line: who waited until it may be probed becomes the probe", "[circuit_breaker]") {
    line l;
    const kedge::pipeline p{l.sim, l.breaker, l.limit};
    p.async_call(l.op, [&](error_code ec, int) { l.end = ec; });
    l.open();
    l.sim.run_for(2s);
    l.give_turn();
    l.sim.run();
    CHECK(l.end == error_code());
    CHECK(l.op.attempts() == 1);
    CHECK(l.breaker.snapshot(l.sim.now()).state == breaker_state::half_open);
    CHECK(l.limit.snapshot().in_flight == 0);
}

TEST_CASE("breaker in line: whom the caller stopped before the turn came is told so", "[circuit_breaker]") {
    line l;
    const kedge::pipeline p{l.sim, l.breaker, l.limit};
    boost::asio::cancellation_signal stop;
    const auto ended = [&](error_code ec, int) { l.end = ec; };
    p.async_call(l.op, boost::asio::bind_cancellation_slot(stop.slot(), ended));
    l.open();
    l.give_turn();
    stop.emit(boost::asio::cancellation_type::terminal);
    l.sim.run();
    CHECK(l.end == boost::asio::error::operation_aborted);
    CHECK(l.limit.snapshot().in_flight == 0);
}

TEST_CASE("breaker in line: a blocking call is asked again too", "[circuit_breaker][blocking]") {
    boost::asio::io_context io;
    const kedge::circuit_breaker breaker({.consecutive_failures = 1});
    kedge::concurrency_limit limit(1, 5);
    const kedge::pipeline p{io, breaker, limit};
    kedge::permit elsewhere = limit.try_acquire();
    error_code end;
    bool made = false;
    std::thread caller([&] {
        try {
            kedge::blocking_call(p, [&](std::chrono::milliseconds) { made = true; });
        } catch (const boost::system::system_error& e) {
            end = e.code();
        }
    });
    while (limit.snapshot().waiting == 0) std::this_thread::yield();
    breaker.try_acquire().failure();
    elsewhere.neutral();
    caller.join();
    CHECK(end == kedge::errc::circuit_open);
    CHECK_FALSE(made);
    CHECK(limit.snapshot().in_flight == 0);
}
