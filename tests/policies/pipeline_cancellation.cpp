// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"
#include "../support/scripted_operation.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>

using namespace kedge_test;
using kedge::errc;
using kedge::testing::simulation;

namespace {

constexpr auto aborted = boost::asio::error::operation_aborted;

struct ending {
    error_code ec;
    kedge::nanoseconds at{0};
};

/// One call whose caller cancels at a given moment.
template <class Pipeline, class Op>
ending play_cancelled(simulation& sim, const Pipeline& p, Op op, kedge::nanoseconds when,
                      asio::cancellation_type type = asio::cancellation_type::terminal, kedge::call c = {}) {
    std::optional<ending> end;
    asio::cancellation_signal signal;
    const auto start = sim.now();
    bool emitting = false;
    p.async_call(op, c, asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, int) {
        REQUIRE(!end);
        REQUIRE(!emitting);  // never inside the caller's emit()
        end = ending{ec, sim.now() - start};
    }));
    kedge::async_sleep(sim, when, [&](error_code) {
        emitting = true;
        signal.emit(type);
        emitting = false;
    });
    sim.run();
    REQUIRE(end);
    return *end;
}

}  // namespace

TEST_CASE("the caller cancels a running attempt", "[cancellation]") {
    simulation sim;
    kedge::circuit_breaker breaker{{.window = 0s}};
    const kedge::pipeline p{sim, kedge::retry{{.idempotent = true}}, breaker, kedge::timeout{10s}};
    for (int i = 0; i < 9; ++i) {
        scripted_operation op(sim.get_executor(), {{5s, {}}});
        const auto end = play_cancelled(sim, p, op, 1s);
        CHECK(end.ec == aborted);
        CHECK(end.at == 1s);
        CHECK(op.attempts() == 1);
    }
    CHECK(breaker.snapshot().state == kedge::breaker_state::closed);  // neutral, however often
}

TEST_CASE("the caller cancels a wait between attempts, and the budget gets its token back", "[cancellation][retry]") {
    simulation sim;
    kedge::retry_budget budget;
    const kedge::pipeline p{sim, kedge::retry{{.base = 2s, .cap = 2s, .spread = kedge::jitter::none}, budget}};
    scripted_operation op(sim.get_executor(), {{0ms, refused}});
    const auto end = play_cancelled(sim, p, op, 500ms);
    CHECK(end.ec == aborted);
    CHECK(end.at == 500ms);
    CHECK(op.attempts() == 1);
    CHECK(budget.snapshot(sim.now()).tokens == 100);
}

TEST_CASE("total cancellation is honoured until the first attempt has failed", "[cancellation][retry]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::retry{{.base = 1s, .spread = kedge::jitter::none}}};
    using asio::cancellation_type;
    scripted_operation slow(sim.get_executor(), {{5s, {}}});
    CHECK(play_cancelled(sim, p, slow, 1s, cancellation_type::total).ec == aborted);
    scripted_operation failing(sim.get_executor(), {{0ms, refused}, {0ms, {}}});
    CHECK(!play_cancelled(sim, p, failing, 500ms, cancellation_type::total).ec);
    scripted_operation again(sim.get_executor(), {{0ms, refused}, {0ms, {}}});
    CHECK(play_cancelled(sim, p, again, 500ms, cancellation_type::partial).ec == aborted);
}

TEST_CASE("the caller cancels a place in a queue", "[cancellation][concurrency_limit]") {
    simulation sim;
    kedge::concurrency_limit limit(1, 4);
    const kedge::pipeline p{sim, limit};
    scripted_operation op(sim.get_executor(), {{5s, {}}});
    int done = 0;
    p.async_call(op, [&](error_code ec, int) { done += !ec; });
    const auto end = play_cancelled(sim, p, op, 1s);
    CHECK(end.ec == aborted);
    CHECK(end.at == 1s);
    CHECK(done == 1);
    CHECK(limit.snapshot().in_flight == 0);
    CHECK(limit.snapshot().waiting == 0);
}

TEST_CASE("cancelled during the initiation", "[cancellation]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::timeout{10s}};
    scripted_operation op(sim.get_executor(), {{5s, {}}});
    asio::cancellation_signal signal;
    auto cancels_first = [&](auto&& token) {
        signal.emit(asio::cancellation_type::terminal);  // before the operation has installed its slot
        return op(std::forward<decltype(token)>(token));
    };
    std::optional<error_code> end;
    p.async_call(cancels_first, asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, int) { end = ec; }));
    CHECK(!end);
    const auto start = sim.now();
    sim.run();
    CHECK(end == aborted);
    CHECK(sim.now() - start < 5s);
}

TEST_CASE("result, expiry and cancellation at the same moment: one ending, whatever the order", "[cancellation][races]") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        simulation sim(seed);
        const kedge::pipeline p{sim, kedge::total_timeout{3s}, kedge::retry{{.max_retries = 1, .idempotent = true}},
                                kedge::timeout{1s}};
        for (const auto when : {999ms, 1000ms, 1001ms}) {
            for (const auto took : {999ms, 1000ms, 1001ms}) {
                scripted_operation op(sim.get_executor(), {{took, {}}});
                const auto end = play_cancelled(sim, p, op, when);
                const bool known = !end.ec || end.ec == aborted || end.ec == errc::timed_out;
                CHECK(known);
                CHECK(op.running() == 0);
                if (took < when && took < 1s) CHECK(!end.ec);
                if (when < took && when < 1s) CHECK(end.ec == aborted);
            }
        }
    }
}

TEST_CASE("a coroutine is cancelled where it waits", "[cancellation][coroutine]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::timeout{10s}};
    auto sleeper = [&]() -> asio::awaitable<int> {
        co_await kedge::async_sleep(sim, 1h, asio::use_awaitable);
        co_return 1;
    };
    asio::cancellation_signal signal;
    std::exception_ptr thrown;
    asio::co_spawn(sim, p.async_call(sleeper, asio::use_awaitable),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, int) { thrown = e; }));
    kedge::async_sleep(sim, 1s, [&](error_code) { signal.emit(asio::cancellation_type::terminal); });
    const auto start = sim.now();
    sim.run();
    REQUIRE(thrown);
    CHECK(sim.now() - start < 10s);
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& e) {
        CHECK(e.code() == aborted);
    }
}

TEST_CASE("a context destroyed in each state of a call destroys the handler once and gives everything back",
          "[cancellation][shutdown]") {
    enum class state { initiated, running, backoff, queued, expired };
    for (const auto at : {state::initiated, state::running, state::backoff, state::queued, state::expired}) {
        kedge::concurrency_limit limit(1, 4);
        kedge::circuit_breaker breaker;
        auto alive = std::make_shared<int>();
        int called = 0;
        {
            simulation sim;
            const kedge::pipeline p{sim, kedge::retry{{.base = 9s, .cap = 9s, .spread = kedge::jitter::none}}, breaker, limit,
                                    kedge::timeout{1s}};
            const bool fails = at == state::backoff;
            scripted_operation op(sim.get_executor(), {{fails ? 0ms : 5s, fails ? error_code(refused) : error_code(), true}});
            const int calls = at == state::queued ? 2 : 1;
            for (int i = 0; i < calls; ++i) p.async_call(op, [&called, alive](error_code, int) { ++called; });
            if (at != state::initiated) sim.run_for(at == state::expired ? 1500ms : 500ms);
        }
        CHECK(called == 0);
        CHECK(alive.use_count() == 1);
        CHECK(limit.snapshot().in_flight == 0);
        CHECK(limit.snapshot().waiting == 0);
    }
}
