// SPDX-License-Identifier: BSL-1.0
// What a client does while nobody calls it.
#include "bench.hpp"

using namespace database_test;

namespace {

struct running : bench {
    asio::cancellation_signal stop;
    std::optional<error_code> ended;

    explicit running(database_options o = {}) : bench(std::move(o)) {
        db.async_run(asio::bind_cancellation_slot(stop.slot(), [this](error_code ec) {
            CHECK_FALSE(ended);
            ended = ec;
        }));
        CHECK_FALSE(ended);
    }
    ~running() {
        stop.emit(asio::cancellation_type::terminal);
        sim.run();
        CHECK(ended);
        CHECK(db.snapshot().pool.used == 0);
    }
};

}  // namespace

TEST_CASE_METHOD(running, "a running client asks for a sign of life at once and every 30 s", "[seed]") {
    CHECK(db.snapshot().health.state == health::unknown);
    sim.run_for(1s);
    CHECK(heard("select 1") == 1);
    CHECK(db.snapshot().health.state == health::up);
    CHECK(health_heard == std::vector{health::up});
    sim.run_for(10min);
    CHECK(heard("select 1") >= 18);
    CHECK(heard("select 1") <= 23);
    CHECK(server.connects() == 1);
    CHECK_FALSE(ended);
}

TEST_CASE_METHOD(running, "an outage is told without any caller, and its end too", "[seed]") {
    server.away(sim.now() + 40s, sim.now() + 5min);
    sim.run_for(40s);
    CHECK(health_heard == std::vector{health::up});
    sim.run_for(80s);
    CHECK(health_heard == std::vector{health::up, health::down});
    CHECK(db.snapshot().health.last_error == asio::error::connection_refused);
    CHECK(db.snapshot().health.failures_in_a_row >= 2);
    sim.run_for(5min);
    CHECK(health_heard == std::vector{health::up, health::down, health::up});
    CHECK(sink->records().empty());     // nobody's call has failed
    CHECK(breaker_heard.empty());  // and while it is closed, checks do not count in it
}

TEST_CASE_METHOD(running, "a server that answers no connection is down, not merely hard to get") {
    sim.run_for(1s);
    server.away(sim.now());  // so that the open connection goes
    server.connect_takes(nanoseconds::max());
    sim.run_for(3min);
    CHECK(db.snapshot().health.state == health::down);
    CHECK(db.snapshot().health.last_error == asio::error::timed_out);
}

TEST_CASE("after an outage the checks close the breaker, and no caller had to try") {
    running b({.max_retries = 0});
    b.sim.run_for(5s);
    b.server.away(b.sim.now(), b.sim.now() + 20s);
    for (int i = 0; i < 5; ++i) CHECK(b.run("select customer"));
    CHECK(b.breaker_heard == std::vector{breaker_state::open});
    CHECK(b.db.snapshot().health.state == health::degraded);
    const int asked = b.heard("select customer");
    b.sim.run_for(60s);
    CHECK(b.breaker_heard.back() == breaker_state::closed);
    CHECK(b.db.snapshot().health.state == health::up);
    CHECK(b.heard("select customer") == asked);
    CHECK_FALSE(b.run("select customer"));
}

TEST_CASE("a probe may take as long as any attempt") {
    bench b({.max_retries = 0});
    b.server.fail("", asio::error::connection_reset, 5);
    for (int i = 0; i < 5; ++i) (void)b.run("select 1");
    b.sim.run_for(6s);
    b.server.query_takes(25s);
    for (int i = 0; i < 3; ++i) CHECK_FALSE(b.run("select 1"));
    CHECK(b.breaker_heard == std::vector{breaker_state::open, breaker_state::half_open, breaker_state::closed});
}

TEST_CASE("a pool without a free connection is degraded, not down") {
    running b({.query_timeout = 10min, .total_timeout = 20min});
    b.sim.run_for(1s);
    b.server.query_takes(5min);
    for (int i = 0; i < 20; ++i) (void)b.query("select report");
    b.sim.run_for(2min);
    CHECK(b.db.snapshot().health.state == health::degraded);
    CHECK(b.db.snapshot().health.last_error == errc::pool_exhausted);
    b.server.query_takes(1ms);
    b.sim.run_for(5min);
    CHECK(b.health_heard == std::vector{health::up, health::degraded, health::up});
}

TEST_CASE_METHOD(running, "the checks show their name to who finds the pool exhausted") {
    server.query_takes(1min);
    call_report report;
    sim.run_for(1s);
    for (int i = 0; i < 19; ++i) (void)query("select report");
    sim.run_for(100ms);
    std::optional<error_code> refused;
    db.async_query("select customer", params(), {.deadline = sim.now() + 1s, .report = &report},
                   [&](error_code ec, rows) { refused = ec; });
    sim.run_for(2s);
    CHECK(refused == error_code(errc::pool_exhausted));
    CHECK(std::any_of(report.pool.holders.begin(), report.pool.holders.end(),
                      [](const holder& h) { return h.tag == "health check" && h.count == 1; }));
}

TEST_CASE_METHOD(running, "connections that nobody needs any more are closed, and one is kept for the checks") {
    server.query_takes(100ms);
    sim.run_for(1s);
    for (int i = 0; i < 10; ++i) (void)query("select 1");
    sim.run_for(1s);
    CHECK(server.open() == 10);
    sim.run_for(11min);
    CHECK(server.open() == 1);
}

TEST_CASE("cancelled, a running client ends both its loops within one turn") {
    const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                               asio::cancellation_type::total);
    for (const auto when : {1ms, 3ms, 5000ms}) {  // while it connects, while it asks, while it waits
        CAPTURE(when.count());
        running b;
        b.server.query_takes(2ms);
        b.sim.run_for(when);
        b.stop.emit(type);
        CHECK_FALSE(b.ended);
        b.sim.run_for(0s);
        CHECK(b.ended == error_code(asio::error::operation_aborted));
    }
}

TEST_CASE("a client that is shut down has run long enough") {
    for (const auto when : {1ms, 3ms, 5000ms}) {
        CAPTURE(when.count());
        running b;
        b.server.query_takes(2ms);
        b.sim.run_for(when);
        std::optional<error_code> down;
        b.db.async_shutdown(b.sim.now() + 10s, [&](error_code ec) { down = ec; });
        CHECK_FALSE(b.ended);
        b.sim.run();
        CHECK(b.ended == error_code());
        CHECK(down == error_code());
        CHECK(b.sim.elapsed() < when + 10ms);
        CHECK(b.server.open() == 0);
        CHECK(b.health_heard == (when > 1s ? std::vector{health::up} : std::vector<health>()));

        std::optional<error_code> again;
        b.db.async_run([&](error_code ec) { again = ec; });
        CHECK_FALSE(again);
        b.sim.run();
        CHECK(again == error_code());
    }
}

TEST_CASE("a client that nobody has any more does not run on") {
    testing::simulation sim;
    testing::scripted_server server;
    std::optional<error_code> ended;
    for (const auto when : {1ms, 3ms, 5000ms}) {
        ended.reset();
        {
            client_type db(sim, {.url = server.url()});
            db.async_run([&](error_code ec) { ended = ec; });
            sim.run_for(when);
            CHECK_FALSE(ended);
        }
        sim.run();  // throws if something is left
        CHECK(ended == error_code());
        CHECK(server.open() == 0);
    }
}

TEST_CASE("a running client whose context is destroyed is abandoned") {
    for (const auto when : {1ms, 3ms, 5000ms}) {
        testing::scripted_server server;
        auto kept = std::make_shared<int>();
        std::optional<client_type> db;
        asio::cancellation_signal stop;
        {
            testing::simulation sim;
            db.emplace(sim, database_options{.url = server.url()});
            db->async_run(asio::bind_cancellation_slot(stop.slot(), [kept](error_code) { FAIL("called"); }));
            sim.run_for(when);
        }
        CHECK(kept.use_count() == 1);
        stop.emit(asio::cancellation_type::terminal);
        db.reset();
    }
}
