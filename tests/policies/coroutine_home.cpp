// SPDX-License-Identifier: BSL-1.0

#include "pool_bench.hpp"

#include <kedge/pipeline.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

// A coroutine may keep its executor and build what outlives the call on it, however deep inside policies it runs. What it
// keeps must not lead into the call: under AddressSanitizer these tests fail if it does.

using namespace pool_test;

namespace {

struct keepsake {
    asio::any_io_executor executor;
    std::unique_ptr<kedge::timer> timer;

    asio::awaitable<void> keep() {
        executor = co_await asio::this_coro::executor;
        timer = std::make_unique<kedge::timer>(executor);
        co_await kedge::async_sleep(executor, 1ms, asio::use_awaitable);
    }

    /// Whether what was kept still works, after the call.
    bool works(kedge::testing::simulation& sim) {
        int steps = 0;
        asio::post(executor, [&] { ++steps; });
        timer->expires_after(1ms);
        timer->async_wait([&](error_code ec) { steps += !ec; });
        sim.run();
        return steps == 2;
    }
};

}  // namespace

TEST_CASE("a coroutine that borrows inside a pipeline may keep its executor", "[coroutine][pool]") {
    bench b;
    keepsake kept;
    const kedge::pipeline p{b.sim, kedge::retry{}, kedge::timeout{1s}};
    auto use = [&](wire&) { return kept.keep(); };
    auto borrow = [&](auto&& token) { return b.pool.async_with(use, std::forward<decltype(token)>(token)); };
    std::optional<bool> well;
    p.async_call(borrow, [&](std::exception_ptr e) { well = !e; });
    b.sim.run();
    CHECK(well == true);
    CHECK(kept.works(b.sim));
}

TEST_CASE("a coroutine in a pipeline in a pipeline may keep its executor", "[coroutine][pipeline]") {
    kedge::testing::simulation sim;
    keepsake kept;
    const kedge::pipeline outer{sim, kedge::timeout{2s}}, inner{sim, kedge::timeout{1s}};
    auto coroutine = [&] { return kept.keep(); };
    auto call = [&](auto&& token) { return inner.async_call(coroutine, std::forward<decltype(token)>(token)); };
    std::optional<bool> well;
    outer.async_call(call, [&](std::exception_ptr e) { well = !e; });
    sim.run();
    CHECK(well == true);
    CHECK(kept.works(sim));
}

TEST_CASE("the outer limit reaches a coroutine that borrows, and the connection comes back", "[coroutine][pool]") {
    bench b;
    const kedge::pipeline p{b.sim, kedge::timeout{1s}};
    auto hang = [&](wire&) -> asio::awaitable<void> { co_await kedge::async_sleep(b.sim, 1h, asio::use_awaitable); };
    auto borrow = [&](auto&& token) { return b.pool.async_with(hang, std::forward<decltype(token)>(token)); };
    const auto start = b.sim.now();
    error_code ec;
    p.async_call(borrow, [&](std::exception_ptr e) {
        try {
            std::rethrow_exception(e);
        } catch (const boost::system::system_error& thrown) {
            ec = thrown.code();
        }
    });
    b.sim.run();
    CHECK(ec == kedge::errc::timed_out);
    CHECK(b.sim.now() - start < 2s);
    CHECK(b.pool.snapshot().used == 0);
}

TEST_CASE("a use that throws when it is called ends the call, and the connection is back", "[pool]") {
    bench b;
    auto throws = [](wire&, auto&& token) {
        throw std::runtime_error("not today");
        return asio::async_initiate<decltype(token), void(error_code)>([](auto) {}, token);
    };
    std::optional<error_code> ended;
    b.pool.async_with(throws, [&](error_code ec) { ended = ec; });
    b.sim.run();
    CHECK(ended == kedge::errc::operation_threw);
    CHECK(b.pool.snapshot().used == 0);

    kedge::call_report report;
    const kedge::pipeline p{b.sim, kedge::retry{}};
    auto borrow = [&](auto&& token) { return b.pool.async_with(throws, std::forward<decltype(token)>(token)); };
    p.async_call(borrow, {.report = &report}, [&](error_code ec) { ended = ec; });
    b.sim.run();
    CHECK(ended == kedge::errc::operation_threw);
    REQUIRE(report.thrown);
    CHECK_THROWS_WITH(std::rethrow_exception(report.thrown), "not today");
}

namespace {

/// Of the kind that needs no call of its own. Throws before or after it has taken the handler.
struct throws_in_place {
    bool with_handler = false;

    template <class Token> auto operator()(wire&, Token&& token) const {
        return asio::async_initiate<Token, void(error_code)>(
            [](auto handler, bool take) {
                const std::optional kept = take ? std::optional(std::move(handler)) : std::nullopt;
                throw std::runtime_error("taken");
            },
            token, with_handler);
    }
};

}  // namespace

template <> inline constexpr bool kedge::detail::use_in_place<throws_in_place> = true;

TEST_CASE("a use in place that throws ends the call around it, and the connection is back", "[pool]") {
    bench b;
    const bool with_handler = GENERATE(false, true);
    std::optional<error_code> ended;
    kedge::call_report report;
    const kedge::pipeline p{b.sim, kedge::timeout{1s}};
    auto borrow = [&](auto&& token) {
        return b.pool.async_with(throws_in_place{with_handler}, std::forward<decltype(token)>(token));
    };
    p.async_call(borrow, {.report = &report}, [&](error_code ec) { ended = ec; });
    b.sim.run();
    CHECK(ended == kedge::errc::operation_threw);
    REQUIRE(report.thrown);
    CHECK_THROWS_WITH(std::rethrow_exception(report.thrown), "taken");
    CHECK(b.pool.snapshot().used == 0);
}

TEST_CASE("a limit shared by two contexts forgets the calls of the one that goes away", "[concurrency_limit][shutdown]") {
    const kedge::concurrency_limit limit(1, 4);
    const auto handler_lives = std::make_shared<int>();
    kedge::testing::simulation stays;
    const kedge::pipeline first{stays, limit};
    auto holds = [&](auto&& token) { return kedge::async_sleep(stays, 10s, std::forward<decltype(token)>(token)); };
    int ended = 0;
    first.async_call(holds, [&](error_code ec) { ended += !ec; });
    {
        kedge::testing::simulation goes;
        const kedge::pipeline second{goes, limit};
        auto waits = [&](auto&& token) { return kedge::async_sleep(goes, 1s, std::forward<decltype(token)>(token)); };
        second.async_call(waits, [&ended, handler_lives](error_code) { ended += 100; });
        CHECK(limit.snapshot().waiting == 1);
    }
    CHECK(limit.snapshot().waiting == 0);
    CHECK(handler_lives.use_count() == 1);
    stays.run();  // gives the place back
    CHECK(ended == 1);
    CHECK(limit.snapshot().in_flight == 0);
}
