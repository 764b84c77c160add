// SPDX-License-Identifier: BSL-1.0
// Every completion token, once for each shape of signature.

#include "../support/conformance.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <tuple>

using namespace kedge_test;
using kedge::testing::simulation;

namespace {

/// Calls `start(token)` with every token; it must end without an error each time.
template <class Start> void check_every_token(simulation& sim, Start start) {
    int ended = 0;
    const auto callback = [&ended](auto&&... results) { ended += !error_of(std::get<0>(std::tie(results...))); };
    start(callback);
    start(asio::deferred)(callback);
    auto future = start(asio::bind_executor(sim.get_executor(), asio::use_future));  // its own is the system's threads
    const auto await = [&ended, start]() -> asio::awaitable<void> {
        (void)co_await start(asio::use_awaitable);
        ++ended;
        auto results = co_await start(asio::as_tuple(asio::use_awaitable));
        ended += !error_of(std::get<0>(results));
    };
    asio::co_spawn(sim, await, asio::detached);
    CHECK(ended == 0);
    sim.run_for(100s);
    CHECK(ended == 4);
    REQUIRE(future.wait_for(0s) == std::future_status::ready);
    CHECK_NOTHROW((void)future.get());
}

}  // namespace

TEST_CASE("tokens of void(error_code)", "[conformance][tokens]") {
    simulation sim;
    check_every_token(sim, [&](auto&& token) { return kedge::async_sleep(sim, 1ms, std::forward<decltype(token)>(token)); });
}

TEST_CASE("tokens of void(error_code, T) of which T is only movable", "[conformance][tokens]") {
    simulation sim;
    auto connect = []() -> asio::awaitable<int> { co_return 1; };
    kedge::connection_pool<int> pool{sim, {.max = 5}, connect};
    check_every_token(sim, [&](auto&& token) { return pool.async_acquire(std::forward<decltype(token)>(token)); });
}

TEST_CASE("tokens of void(exception_ptr, T)", "[conformance][tokens]") {
    simulation sim;
    const kedge::pipeline p{sim, kedge::retry{}, kedge::timeout{1s}};
    auto answer = []() -> asio::awaitable<int> { co_return 42; };
    check_every_token(sim, [&](auto&& token) { return p.async_call(answer, std::forward<decltype(token)>(token)); });
}

TEST_CASE("tokens of void(payment_result)", "[conformance][tokens]") {
    simulation sim;
    auto provider = std::make_shared<kedge::testing::scripted_exchange>(sim);
    kedge::payment_client payments{sim, {}, std::make_shared<kedge::payment::memory_journal>(), provider};
    check_every_token(sim, [&](auto&& token) {
        return payments.async_charge({kedge::money::parse("1.00", "EUR"), kedge::card_token("tok")},
                                     std::forward<decltype(token)>(token));
    });
}
