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

TEST_CASE_METHOD(bench, "the twenty-first waits, and those who wait are served in order", "[seed]") {
    server.query_takes(1s);
    std::vector<int> order;
    for (int i = 0; i < 25; ++i) {
        db.async_query(dynamic_sql("select " + std::to_string(i)), params(), [&, i](error_code ec, rows) {
            CHECK_FALSE(ec);
            order.push_back(i);
        });
        sim.run_for(10ms);  // or two come free at the same moment, and the order of their handlers is anybody's
    }
    sim.run_for(700ms);
    CHECK(server.heard().size() == 20);
    CHECK(db.snapshot().pool.waiting == 5);
    sim.run();
    CHECK(server.most_open() == 20);
    REQUIRE(order.size() == 25);
    for (std::size_t i = 20; i < 25; ++i) {
        CHECK(order[i] == static_cast<int>(i));
        CHECK(server.heard()[i] == "select " + std::to_string(i));
    }
    CHECK(sim.elapsed() > 2s);
    CHECK(sim.elapsed() < 2200ms);
}

TEST_CASE("refused after 30 000 ms, and the report says who has the connections", "[seed]") {
    bench b({.query_timeout = 2min, .total_timeout = 5min});
    b.server.query_takes(10min);
    const call exports{.tag = "export"};
    for (int i = 0; i < 12; ++i) (void)b.query("select report", exports);
    for (int i = 0; i < 8; ++i) b.db.async_query("select cart", params(), [](error_code, rows) {});
    const auto line = boost::source_location(BOOST_CURRENT_LOCATION).line() - 1;
    b.sim.run_for(1s);
    call_report report;
    const auto start = b.sim.now();
    CHECK(b.run("select customer", {.report = &report}) == errc::pool_exhausted);
    CHECK(b.sim.now() - start == 30'000ms);
    CHECK(report.elapsed == 30'000ms);
    CHECK(report.pool.why == pool_refusal::timed_out);
    CHECK(report.pool.used == 20);
    CHECK(report.pool.holders[0].count == 12);
    CHECK(report.pool.holders[0].tag == "export");
    CHECK(report.pool.holders[0].place.line() == exports.place.line());
    CHECK(report.pool.holders[1].count == 8);
    CHECK(report.pool.holders[1].place.line() == line);
    CHECK(std::string(report.pool.holders[1].place.file_name()).ends_with("pool.cpp"));
    CHECK(report.pool.holders[1].held > 30s);
    CHECK(b.logged() == std::vector<std::string>{"Database query failed: connection pool exhausted"});
    CHECK(b.breaker_heard.empty());  // a full pool says nothing against the server
    CHECK(b.heard("select customer") == 0);
}

TEST_CASE("a connection whose server is still at work is not lent again") {
    bench b({.max_connections = 1});
    std::shared_ptr<ending> next;
    const auto late = [&](nanoseconds takes) {
        b.server.query_takes(takes);
        CHECK(b.run("select report") == errc::timed_out);
        CHECK(b.sim.elapsed() >= 30s);
        CHECK(b.sim.elapsed() < 30'010ms);
        b.server.query_takes(1ms);
        next = b.query("select customer");
        b.sim.run();
        CHECK_FALSE(next->ec);
    };
    SECTION("it waits until the server is done, and is reset") {
        late(33s);
        CHECK(next->at > time_point(33s));
        CHECK(b.server.connects() == 1);
        CHECK(b.heard("rollback") == 1);
    }
    SECTION("or, when that takes too long, is closed") {
        late(10min);
        CHECK(next->at >= time_point(35s));  // the connect timeout bounds the reset
        CHECK(next->at < time_point(36s));
        CHECK(b.server.connects() == 2);
    }
    CHECK(b.server.most_open() == 1);
    CHECK(b.db.snapshot().pool.used == 0);
}

TEST_CASE("while the server is down its own error comes out, and opens the breaker") {
    bench b({.max_retries = 0});
    b.server.away(b.sim.now());
    CHECK(b.run("select 1") == asio::error::connection_refused);
    CHECK(b.sim.elapsed() >= 1s);  // it might have been back in a moment
    CHECK(b.sim.elapsed() < 2s);
    call_report report;
    for (int i = 0; i < 4; ++i) CHECK(b.run("select 1", {.report = &report}) == asio::error::connection_refused);
    CHECK(report.pool.why == pool_refusal::down);
    CHECK(report.pool.last_connect_error == asio::error::connection_refused);
    CHECK(b.breaker_heard == std::vector{breaker_state::open});
    CHECK(b.run("select 1") == errc::circuit_open);
    CHECK(b.logged().front() == "Database query failed: " + error_code(asio::error::connection_refused).message());
}

TEST_CASE_METHOD(bench, "shutting down refuses who comes and who waits, and lets the running finish") {
    server.query_takes(10s);
    std::vector<std::shared_ptr<ending>> all;
    for (int i = 0; i < 21; ++i) all.push_back(query("select 1"));
    sim.run_for(1s);
    std::optional<error_code> down;
    SECTION("in time") {
        db.async_shutdown(sim.now() + 30s, [&](error_code ec) { down = ec; });
        all.push_back(query("select late"));
        CHECK_FALSE(down);
        sim.run_for(1ms);
        CHECK(all[20]->ec == errc::pool_closed);
        CHECK(all[21]->ec == errc::pool_closed);
        CHECK_FALSE(down);
        sim.run();
        CHECK(down == error_code());
        CHECK(sim.elapsed() < 10'100ms);
    }
    SECTION("or not") {
        db.async_shutdown(sim.now() + 2s, [&](error_code ec) { down = ec; });
        sim.run_until([&] { return down.has_value(); });
        CHECK(down == error_code(errc::pool_exhausted));
        CHECK(sim.elapsed() < 3100ms);
        sim.run();
    }
    for (int i = 0; i < 20; ++i) {
        CHECK_FALSE(all[static_cast<std::size_t>(i)]->ec);
        CHECK(all[static_cast<std::size_t>(i)]->times == 1);
    }
    CHECK(server.open() == 0);
    CHECK(heard("select late") == 0);
    CHECK(breaker_heard.empty());
}
