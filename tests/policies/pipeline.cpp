// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"
#include "../support/play.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <stdexcept>

using namespace kedge_test;
using kedge::errc;
using kedge::testing::simulation;

TEST_CASE("without a policy a pipeline is the identity", "[pipeline]") {
    simulation sim;
    scripted_operation op(sim.get_executor(), {{10ms, {}}});
    const auto end = play(sim, kedge::pipeline{sim}, op);
    REQUIRE(end);
    CHECK(!end->ec);
    CHECK(end->value == 1);
    CHECK(end->at == 10ms);
}

TEST_CASE("retry repeats what certainly was not sent", "[pipeline][retry]") {
    simulation sim;
    scripted_operation op(sim.get_executor(), {{0ms, refused}, {0ms, refused}, {5ms, {}}});
    kedge::call_report report;
    const auto end = play(sim, kedge::pipeline{sim, kedge::retry{{.spread = kedge::jitter::none}}}, op, {.report = &report});
    REQUIRE(end);
    CHECK(!end->ec);
    CHECK(end->value == 3);
    CHECK(end->at == 100ms + 200ms + 5ms);
    CHECK(report.attempts == 3);
    CHECK(to_string(report) ==
          "ok on attempt 3 after 305 ms: Connection refused, waited 100 ms, Connection refused, waited 200 ms");
}

TEST_CASE("after the last retry the dependency's own error comes out", "[pipeline][retry]") {
    simulation sim;
    scripted_operation op(sim.get_executor(), {{0ms, refused}});
    const auto end = play(sim, kedge::pipeline{sim, kedge::retry{}}, op);
    REQUIRE(end);
    CHECK(end->ec == refused);
    CHECK(op.attempts() == 4);
}

TEST_CASE("a timeout is repeated only if that is declared harmless", "[pipeline][retry]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::retry{{.max_retries = 1, .spread = kedge::jitter::none}}, kedge::timeout{1s}};
    scripted_operation op(sim.get_executor(), {{10s, {}}});
    kedge::call_report report;
    SECTION("not declared") {
        const auto end = play(sim, p, op, {.report = &report});
        CHECK(end->ec == errc::timed_out);
        CHECK(end->at == 1s);
        CHECK(op.attempts() == 1);
        CHECK(to_string(report).find("not retried: the operation is not declared idempotent") != std::string::npos);
    }
    SECTION("declared by the call") {
        const auto end = play(sim, p, op, {.repeating = kedge::repeat::harmless});
        CHECK(end->ec == errc::timed_out);
        CHECK(end->at == 1s + 100ms + 1s);
        CHECK(op.attempts() == 2);
    }
    SECTION("declared by the operation") {
        std::optional<error_code> end;
        p.async_call(kedge::idempotent(op), [&](error_code ec, int) { end = ec; });
        sim.run();
        CHECK(*end == errc::timed_out);
        CHECK(op.attempts() == 2);
    }
    SECTION("forbidden beats everything") {
        scripted_operation refusing(sim.get_executor(), {{0ms, refused}});
        const auto end = play(sim, p, refusing, {.repeating = kedge::repeat::forbidden});
        CHECK(end->ec == refused);
        CHECK(refusing.attempts() == 1);
    }
}

TEST_CASE("a timed-out call waits until its operation has ended", "[pipeline][timeout]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::timeout{1s}};
    SECTION("a deaf operation that succeeds late is a success") {
        scripted_operation op(sim.get_executor(), {{3s, {}, true}});
        const auto end = play(sim, p, op);
        CHECK(!end->ec);
        CHECK(end->at == 3s);
    }
    SECTION("one that listens ends at once") {
        scripted_operation op(sim.get_executor(), {{3s, {}}});
        const auto end = play(sim, p, op);
        CHECK(end->ec == errc::timed_out);
        CHECK(end->at == 1s);
        CHECK(op.running() == 0);
    }
}

TEST_CASE("limits at the edges", "[pipeline][timeout]") {
    simulation sim;
    scripted_operation op(sim.get_executor(), {{1ms, {}}});
    SECTION("zero is expired at once") {
        const auto end = play(sim, kedge::pipeline{sim, kedge::timeout{0s}}, op);
        CHECK(end->ec == errc::timed_out);
        CHECK(op.attempts() == 0);
    }
    SECTION("negative too") {
        const auto end = play(sim, kedge::pipeline{sim, kedge::total_timeout{-1s}}, op);
        CHECK(end->ec == errc::deadline_too_short);
        CHECK(op.attempts() == 0);
    }
    SECTION("the largest is none") {
        const auto end = play(sim, kedge::pipeline{sim, kedge::timeout{kedge::nanoseconds::max()}}, op);
        CHECK(!end->ec);
    }
    SECTION("a deadline in the past refuses before the start") {
        const auto end = play(sim, kedge::pipeline{sim}, op, {.deadline = sim.now() - 1s});
        CHECK(end->ec == errc::deadline_too_short);
        CHECK(op.attempts() == 0);
    }
}

TEST_CASE("the whole call ends at its deadline, whoever set it", "[pipeline][timeout]") {
    simulation sim;
    scripted_operation op(sim.get_executor(), {{10s, {}}});
    SECTION("total_timeout") {
        const kedge::pipeline p{sim, kedge::total_timeout{5s}, kedge::retry{{.idempotent = true}}, kedge::timeout{2s}};
        kedge::call_report report;
        const auto end = play(sim, p, op, {.report = &report});
        CHECK(end->at <= 5s);
        CHECK((end->ec == errc::deadline_exceeded || end->ec == errc::timed_out));
    }
    SECTION("the caller's deadline shortens it") {
        const auto end = play(sim, kedge::pipeline{sim, kedge::total_timeout{5s}}, op, {.deadline = sim.now() + 3s});
        CHECK(end->ec == errc::deadline_exceeded);
        CHECK(end->at == 3s);
    }
}

TEST_CASE("an open breaker refuses, and a retry does not insist", "[pipeline][circuit_breaker]") {
    simulation sim;
    kedge::circuit_breaker breaker{{.name = "prices"}};
    const kedge::pipeline p{sim, kedge::retry{{.max_retries = 9, .spread = kedge::jitter::none}}, breaker};
    scripted_operation op(sim.get_executor(), {{0ms, refused}});
    kedge::call_report report;
    const auto end = play(sim, p, op, {.report = &report});
    CHECK(end->ec == refused);  // the dependency's error, not the breaker's
    CHECK(op.attempts() == 5);
    CHECK(report.stopped_by == kedge::stage::breaker);
    const auto next = play(sim, p, op, {.report = &report});
    CHECK(next->ec == errc::circuit_open);
    CHECK(report.retry_after > 0s);
    CHECK(op.attempts() == 5);
}

TEST_CASE("a hanging backend opens the breaker around the timeout", "[pipeline][circuit_breaker]") {
    simulation sim;
    kedge::circuit_breaker breaker;
    const kedge::pipeline p{sim, breaker, kedge::timeout{1s}};
    scripted_operation op(sim.get_executor(), {{100s, {}}});
    for (int i = 0; i < 5; ++i) CHECK(play(sim, p, op)->ec == errc::timed_out);
    CHECK(play(sim, p, op)->ec == errc::circuit_open);
}

TEST_CASE("a coroutine's exception passes through unchanged", "[pipeline][coroutine]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::retry{}, kedge::timeout{1s}};
    std::string said;
    auto failing = []() -> asio::awaitable<int> {
        throw std::domain_error("mine");
        co_return 0;
    };
    auto body = [&]() -> asio::awaitable<void> {
        try {
            co_await p.async_call(failing, asio::use_awaitable);
        } catch (const std::domain_error& e) {
            said = e.what();
        }
    };
    asio::co_spawn(sim, body, asio::detached);
    sim.run();
    CHECK(said == "mine");
}

TEST_CASE("a coroutine is timed out by an exception with the code", "[pipeline][coroutine]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::timeout{1s}};
    error_code got;
    auto sleeper = [&]() -> asio::awaitable<void> { co_await kedge::async_sleep(sim, 1h, asio::use_awaitable); };
    auto body = [&]() -> asio::awaitable<void> {
        try {
            co_await p.async_call(sleeper, asio::use_awaitable);
        } catch (const boost::system::system_error& e) {
            got = e.code();
        }
    };
    asio::co_spawn(sim, body, asio::detached);
    sim.run();
    CHECK(got == errc::timed_out);
}

TEST_CASE("an operation sees its attempt when it asks", "[pipeline]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::retry{{.spread = kedge::jitter::none}}, kedge::timeout{1s}};
    std::vector<std::pair<int, kedge::nanoseconds>> seen;
    auto op = [&](const kedge::attempt& a) -> asio::awaitable<void> {
        seen.emplace_back(a.number, a.deadline - sim.now());
        if (a.number < 3) throw boost::system::system_error(refused);
        co_return;
    };
    asio::co_spawn(sim, p.async_call(op, asio::use_awaitable), asio::detached);
    sim.run();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == std::pair<int, kedge::nanoseconds>(1, 1s));
    CHECK(seen[2] == std::pair<int, kedge::nanoseconds>(3, 1s));
}

TEST_CASE("an operation that throws when it is called ends the call, posted", "[pipeline]") {
    simulation sim;
    kedge::call_report report;
    auto op = [](auto&& token) {
        return asio::async_initiate<decltype(token), void(error_code, int)>([](auto&&) { throw std::domain_error("no"); }, token);
    };
    const auto end = play(sim, kedge::pipeline{sim, kedge::retry{}}, op, {.report = &report});
    CHECK(end->ec == errc::operation_threw);
    CHECK_THROWS_AS(std::rethrow_exception(report.thrown), std::domain_error);
}

TEST_CASE("a timeout that is not smaller than the total is refused by name", "[pipeline]") {
    simulation sim;
    CHECK_THROWS_WITH((kedge::pipeline{sim, kedge::total_timeout{1s}, kedge::timeout{5s}}),
                      "kedge::pipeline: timeout = 5.0 s, but it must be smaller than total_timeout = 1.0 s");
}

TEST_CASE("retries that never have their time raise an event when the pipeline is made", "[pipeline][retry]") {
    simulation sim;
    int warned = 0;
    const auto count = [&](const kedge::event& what) noexcept {
        warned += std::holds_alternative<kedge::retries_have_no_time>(what);
    };
    const kedge::retry some{{.on_event = count}}, none{{.max_retries = 0, .on_event = count}};
    (void)kedge::pipeline{sim, kedge::total_timeout{2s}, some, kedge::timeout{1s}};
    (void)kedge::pipeline{sim, kedge::total_timeout{2s}, none, kedge::timeout{1001ms}};
    (void)kedge::pipeline{sim, some, kedge::timeout{1h}};
    CHECK(warned == 0);
    (void)kedge::pipeline{sim, kedge::total_timeout{2s}, some, kedge::timeout{1001ms}};
    CHECK(warned == 1);
}

TEST_CASE("a classifier of the pipeline judges results, which are delivered unchanged", "[pipeline]") {
    simulation sim;
    kedge::circuit_breaker breaker{{.window = 0s}};
    auto judge = [](const error_code& ec, const int& value) noexcept -> kedge::verdict {
        if (ec) return kedge::classify(ec);
        return value < 3 ? kedge::verdict{kedge::kind::failure, kedge::replay::always} : kedge::verdict{};
    };
    const kedge::pipeline p{sim, kedge::classify_by{judge}, kedge::retry{{.max_retries = 1}}};
    scripted_operation op(sim.get_executor(), {{0ms, {}}});
    const auto end = play(sim, p, op);
    CHECK(!end->ec);
    CHECK(end->value == 2);
}

namespace {
/// A policy of a user: doubles the value.
struct doubling {
    template <class Executor, class Op> auto wrap(const Executor& ex, Op op) const {
        return [ex, op = std::move(op)](auto&& token) mutable {
            return asio::async_compose<decltype(token), void(error_code, int)>(
                [op, started = false](auto& self, error_code ec = {}, int value = 0) mutable {
                    if (!std::exchange(started, true)) op(std::move(self));
                    else self.complete(ec, 2 * value);
                },
                token, ex);
        };
    }
};
}  // namespace

TEST_CASE("a policy of your own stands anywhere, and a pipeline is one", "[pipeline]") {
    simulation sim;
    scripted_operation op(sim.get_executor(), {{0ms, refused}, {0ms, {}}});
    const kedge::pipeline inner{sim, kedge::retry{}};
    SECTION("own") {
        const auto end = play(sim, kedge::pipeline{sim, kedge::total_timeout{5s}, doubling{}, kedge::retry{}}, op);
        CHECK(end->value == 4);
    }
    SECTION("nested") {
        const auto end = play(sim, kedge::pipeline{sim, kedge::total_timeout{5s}, inner}, op);
        CHECK(end->value == 2);
    }
}
