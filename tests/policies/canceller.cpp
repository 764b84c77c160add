// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"
#include "../support/scripted_operation.hpp"

#include <kedge/canceller.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

using namespace kedge_test;
constexpr auto aborted = boost::asio::error::operation_aborted;

TEST_CASE("a canceller ends an operation, and does nothing afterwards", "[cancellation]") {
    kedge::testing::simulation sim;
    const kedge::pipeline p{sim, kedge::timeout{10s}};
    scripted_operation op(sim.get_executor(), {{5s, {}}});
    const kedge::canceller stop{sim};
    std::optional<error_code> end;
    p.async_call(op, stop.bind([&](error_code ec, int) { end = ec; }));
    sim.run_for(1s);
    stop.cancel();
    CHECK(!end);
    sim.run();
    CHECK(end == aborted);
    stop.cancel();
    sim.run();
}

TEST_CASE("a canceller ends a coroutine with all that it calls", "[cancellation][coroutine]") {
    kedge::testing::simulation sim;
    const kedge::pipeline p{sim, kedge::timeout{1h}};
    scripted_operation op(sim.get_executor(), {{5s, {}}});
    const kedge::canceller stop{sim};
    error_code end;
    auto work = [&]() -> asio::awaitable<void> {
        try {
            (void)co_await p.async_call(op, asio::use_awaitable);
        } catch (const boost::system::system_error& e) {
            end = e.code();
        }
    };
    asio::co_spawn(stop.get_executor(), work, stop.bind(asio::detached));
    sim.run_for(1s);
    stop.cancel();
    sim.run();
    CHECK(end == aborted);
}

TEST_CASE("calls on four threads are cancelled from a fifth", "[cancellation][tsan]") {
    asio::io_context io;
    const kedge::pipeline p{io, kedge::retry{{.base = 1ms, .cap = 1ms}}, kedge::timeout{10s}};  // more than a slow machine needs
    auto sleeps = [&](auto&& token) { return kedge::async_sleep(io, 5ms, std::forward<decltype(token)>(token)); };
    constexpr int calls = 400;
    std::atomic<int> ended{0}, foreign{0};
    std::vector<kedge::canceller> stops;
    for (int i = 0; i < calls; ++i) {
        stops.emplace_back(io);
        p.async_call(sleeps, stops.back().bind([&](error_code ec) {
            if (ec && ec != aborted) ++foreign;
            ++ended;
        }));
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    for (const auto& stop : stops) stop.cancel();
    for (auto& t : threads) t.join();
    CHECK(ended == calls);
    CHECK(foreign == 0);
}
