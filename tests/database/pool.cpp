// SPDX-License-Identifier: BSL-1.0
// Waiting for one of the connections, as callers of the client see it.
#include "bench.hpp"

using namespace database_test;

TEST_CASE("a limit that passes in the pool's queue is the pool's refusal, not a timeout of the server") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        testing::simulation sim(seed);
        testing::scripted_server server;
        server.query_takes(20s);
        client_type db(sim, {.url = server.url(), .max_connections = 1});
        int refused = 0, others = 0;
        db.async_query("select report", params(), [](error_code, rows) {});
        for (int i = 0; i < 20; ++i) {
            sim.run_for(7ms * (i % 5));
            const auto deadline = sim.now() + 50ms * (1 + (i * 7 + static_cast<int>(seed)) % 9);
            db.async_query("select customer", params(), {.deadline = deadline}, [&](error_code ec, rows) {
                ++(ec == errc::pool_exhausted ? refused : others);
            });
        }
        sim.run_for(2s);
        CHECK(refused == 20);
        CHECK(others == 0);
        CHECK(db.snapshot().breaker.failures == 0);
        sim.run();
    }
}

TEST_CASE_METHOD(bench, "a report names the pool when the pool refused, and nobody when it only refused before") {
    call_report report;
    const call c{.report = &report};
    SECTION("exhausted") {
        server.query_takes(10min);
        for (int i = 0; i < 20; ++i) (void)query("select report");
        sim.run_for(1s);
        const auto end = query("select customer", c);
        sim.run_for(40s);
        CHECK(end->ec == errc::pool_exhausted);
        CHECK(report.stopped_by == stage::pool);
        // At that moment all twenty had timed out, and their server was still at it: a report of 0/20 would explain nothing.
        CHECK(report.pool.used + report.pool.resetting == 20);
        CHECK(to_string(report.pool).find("0/20 used, 20 being reset, 1 waiting (oldest 30.0 s)") == 0);
    }
    SECTION("down, and then the caller gave up") {
        server.away(sim.now());
        asio::cancellation_signal stop;
        auto end = std::make_shared<ending>();
        db.async_query("select customer", params(), c, asio::bind_cancellation_slot(stop.slot(), into(end)));
        while (report.history[0].number == 0) sim.run_for(10ms);  // the pool has refused, and a retry waits
        REQUIRE_FALSE(*end);
        stop.emit(asio::cancellation_type::terminal);
        sim.run_for(1ms);
        CHECK(end->ec == asio::error::operation_aborted);
        CHECK(report.stopped_by == stage::none);
    }
}
