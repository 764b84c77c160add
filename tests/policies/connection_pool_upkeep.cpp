// SPDX-License-Identifier: BSL-1.0
// What a pool does with connections that nobody asked for: those at rest, and those of a server that went away.

#include "pool_bench.hpp"

using namespace pool_test;

TEST_CASE("upkeep closes what rested too long, and ends when it is cancelled") {
    bench b({.max = 2, .idle_timeout = 1min});
    b.take().recycle();
    asio::cancellation_signal stop;
    std::optional<error_code> ended;
    b.pool.async_run(asio::bind_cancellation_slot(stop.slot(), [&](error_code ec) { ended = ec; }));
    b.sim.run_for(50s);
    CHECK(b.backend.closed == 0);
    b.sim.run_for(50s);
    CHECK(b.backend.closed == 1);
    stop.emit(asio::cancellation_type::terminal);
    b.sim.run();
    CHECK(ended == asio::error::operation_aborted);
}

TEST_CASE("whoever runs the pool keeps its connections alive, and closes what does not answer") {
    bench b({.max = 3});
    {
        auto one = b.take(), two = b.take(), three = b.take();
        one.recycle(), two.recycle(), three.recycle();
    }
    b.sim.run_for(5min);
    CHECK(b.backend.pings == 0);  // nobody runs it
    asio::cancellation_signal stop;
    b.pool.async_run(asio::bind_cancellation_slot(stop.slot(), [](error_code) {}));
    SECTION("each about every two minutes, also those that are never borrowed") {
        b.sim.run_for(4min);
        CHECK(b.backend.pings >= 3);
        CHECK(b.backend.pings <= 9);
        CHECK(b.pool.snapshot().idle == 3);
        CHECK(b.backend.closed == 0);
    }
    SECTION("an error closes them") {
        b.backend.ping_says = asio::error::connection_reset;
        b.sim.run_for(4min);
        CHECK(b.backend.closed == 3);
        CHECK(b.backend.dials == 3);  // nobody wants others
    }
    SECTION("silence closes them, at the connect timeout") {
        b.backend.hangs = true;
        b.sim.run_for(1min);
        CHECK(b.backend.closed == 3);
        CHECK(b.pool.snapshot().resetting == 0);
    }
    SECTION("stopped in the midst of a check, it checks no more") {
        b.backend.takes = 3s;
        b.sim.run_for(31s);
        CHECK(b.pool.snapshot().resetting == 2);
        stop.emit(asio::cancellation_type::terminal);
        b.sim.run();
        CHECK(b.backend.pings == 2);
        CHECK(b.pool.snapshot().idle == 3);
        return;
    }
    stop.emit(asio::cancellation_type::terminal);
    b.sim.run();
}

TEST_CASE("invalidated and surplus connections are closed as they come back") {
    bench b;
    auto one = b.take(), two = b.take();
    b.pool.invalidate("failover");
    one.recycle();
    b.sim.run_for(1ms);
    CHECK(b.backend.closed == 1);
    auto three = b.take();
    b.pool.resize(1);
    three.recycle();
    b.sim.run_for(1ms);
    CHECK(b.backend.closed == 2);
    b.pool.resize(3);
    auto four = b.take(), five = b.take();
    CHECK(b.pool.snapshot().used == 3);
}

TEST_CASE("connections that are lost together condemn the others, and the listener hears why") {
    std::vector<error_code> heard;
    const auto hear = [&](const kedge::event& e) noexcept {
        if (const auto* i = std::get_if<kedge::pool_invalidated>(&e)) heard.push_back(i->error);
    };
    bench b({.max = 6, .on_event = hear});
    std::vector<bench::lease> held;
    for (int i = 0; i < 6; ++i) held.push_back(b.take());
    const auto end = [&](error_code why) {
        held.back().discard(why);
        held.pop_back();
    };
    const error_code reset = asio::error::connection_reset;
    held[0].recycle();
    SECTION("three resets") {
        for (int i = 0; i < 3; ++i) end(reset);
        CHECK(heard == std::vector<error_code>{reset});
        CHECK(b.pool.snapshot().idle == 0);
        held.clear();
        b.sim.run_for(1ms);
        CHECK(b.backend.closed == 6);
        CHECK(b.take()->number == 7);
    }
    SECTION("one that says it for all, through async_with") {
        const auto says = [](wire& w, auto&& token) {
            w.state = reuse::broken;
            return asio::async_compose<decltype(token), void(error_code)>(
                [](auto& self) { self.complete(going_away); }, token);
        };
        held.pop_back();
        b.sim.run_for(1ms);
        b.pool.async_with(says, [](error_code ec) { CHECK(ec == going_away); });
        b.sim.run_for(1ms);
        CHECK(heard == std::vector<error_code>{going_away});
    }
    SECTION("time that ran out, cancellations and unknown reasons say nothing about the server") {
        for (const error_code why : {error_code(kedge::errc::timed_out), error_code(asio::error::operation_aborted),
                                     error_code(), error_code(asio::error::timed_out)})
            end(why);
        CHECK(heard.empty());
        CHECK(b.pool.snapshot().idle == 1);
    }
}
