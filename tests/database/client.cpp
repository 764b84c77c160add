// SPDX-License-Identifier: BSL-1.0
// Single statements through the client: what passes, what is refused, what is repeated, and what is said about it.
#include "bench.hpp"

#include <kedge/pipeline.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <cstdint>
#include <stdexcept>
#include <type_traits>

using namespace database_test;

TEST_CASE_METHOD(bench, "the request's numbers are the defaults of the database client", "[seed]") {
    const database_options o;
    CHECK(o.max_connections == 20);
    CHECK(o.acquire_timeout == 30'000ms);
    CHECK(o.breaker_threshold == 5);
    CHECK(o.health_interval == 30s);
    CHECK(o.query_timeout == 30s);
    CHECK(o.total_timeout == 60s);
    CHECK(o.connect_timeout == 5s);
    CHECK(o.max_retries == 3);
    CHECK(db.snapshot().pool.max == 20);
    CHECK(std::is_same_v<client_type, DatabaseClient<testing::scripted_connection>>);
}

TEST_CASE_METHOD(bench, "a statement opens a connection, the next one finds it idle") {
    CHECK_FALSE(run("select 1"));
    CHECK(sim.elapsed() == 3ms);  // two to connect, one for the statement
    const auto end = query("select 1");
    sim.run();
    CHECK(sim.elapsed() == 4ms);
    REQUIRE(end->result.size() == 1);
    CHECK(std::get<0>(end->result.as<std::int64_t>()[0]) == 1);
    CHECK(server.connects() == 1);
    CHECK(end->times == 1);

    std::optional<affected> changed;
    db.async_execute("update t set x = $1", params(7), [&](error_code ec, affected a) {
        CHECK_FALSE(ec);
        changed = a;
    });
    std::optional<error_code> pinged;
    db.async_ping([&](error_code ec) { pinged = ec; });
    sim.run();
    CHECK(changed->rows == 1);
    CHECK(pinged == error_code());
    CHECK(sink->records().empty());
    CHECK(db.snapshot().pool.used == 0);
}

TEST_CASE_METHOD(bench, "what cannot be right is refused before anything is sent") {
    const std::string nul("select '\0'", 10);
    call_report report;
    report.attempts = 7;  // of an earlier call
    const call c{.report = &report};
    SECTION("NUL in the text") { CHECK(run(dynamic_sql(nul), c) == sql_errc::nul_in_text); }
    SECTION("NUL in a value") { CHECK(run("select $1", c, params(nul)) == sql_errc::nul_in_text); }
    SECTION("invalid UTF-8 in the text") { CHECK(run(dynamic_sql("select '\xff'"), c) == sql_errc::invalid_utf8); }
    SECTION("invalid UTF-8 in a value") { CHECK(run("select $1", c, params("\xc3")) == sql_errc::invalid_utf8); }
    CHECK(report.attempts == 0);
    CHECK(report.result == sink->records().at(0).error);
    CHECK(server.heard().empty());
    CHECK(server.connects() == 0);
    CHECK(sim.elapsed() == 0s);
    CHECK(logged().size() == 1);
    CHECK(db.snapshot().breaker.calls == 0);
}

TEST_CASE("five failures in a row open the breaker, and then nobody asks pool or server", "[seed]") {
    bench b({.max_retries = 0});
    b.server.fail("", asio::error::connection_reset, 5);
    for (int i = 0; i < 5; ++i) CHECK(b.run("select 1") == asio::error::connection_reset);
    CHECK(b.breaker_heard == std::vector{breaker_state::open});
    const auto before = b.db.snapshot().pool;
    call_report report;
    CHECK(b.run("select 1", {.report = &report}) == errc::circuit_open);
    CHECK(report.stopped_by == stage::breaker);
    CHECK(report.retry_after > 2s);
    CHECK(report.attempts == 0);
    b.sim.run();
    CHECK(b.heard("select 1") == 5);
    CHECK(b.server.connects() == 5);
    CHECK(b.db.snapshot().pool.peak == before.peak);
    CHECK(b.logged().back() == "Database query failed: circuit breaker is open");
}

TEST_CASE("what the application did wrong says nothing against the database") {
    bench b({.max_retries = 0});
    b.server.fail("", sql_errc::several_statements, 20);
    for (int i = 0; i < 20; ++i) CHECK(b.run("select 1; select 2") == sql_errc::several_statements);
    CHECK(b.breaker_heard.empty());
    CHECK(b.server.connects() == 1);
}

TEST_CASE_METHOD(bench, "after a reset only what is declared harmless is repeated") {
    server.fail("", asio::error::connection_reset);
    call_report report;
    call c{.report = &report};
    SECTION("nothing declared") {
        CHECK(run("update t set x = 1", c) == asio::error::connection_reset);
        CHECK(report.not_repeatable);
        CHECK(server.heard().size() == 1);
    }
    SECTION("a read is not guessed from its text either") {
        CHECK(run("select 1", c) == asio::error::connection_reset);
        CHECK(server.heard().size() == 1);
    }
    SECTION("declared for the call") {
        c.repeating = repeat::harmless;
        CHECK_FALSE(run("select 1", c));
        CHECK(report.attempts == 2);
        CHECK(server.heard().size() == 2);
    }
    SECTION("a ping is never repeated") {
        std::optional<error_code> pinged;
        c.repeating = repeat::harmless;
        db.async_ping(c, [&](error_code ec) { pinged = ec; });
        sim.run();
        CHECK(pinged == error_code(asio::error::connection_reset));
        CHECK(server.heard().size() == 1);
    }
    CHECK(logged().size() == (report.result || report.attempts == 1 ? 1 : 0));
}

TEST_CASE_METHOD(bench, "what was certainly not sent is repeated without a declaration, unless it is forbidden") {
    server.fail("update", asio::error::connection_refused);
    call_report report;
    SECTION("repeated") {
        CHECK_FALSE(run("update t set x = 1", {.report = &report}));
        CHECK(report.attempts == 2);
        CHECK(report.history[0].error == asio::error::connection_refused);
    }
    SECTION("forbidden") {
        CHECK(run("update t set x = 1", {.report = &report, .repeating = repeat::forbidden}) ==
              asio::error::connection_refused);
        CHECK(report.attempts == 1);
    }
    CHECK(heard("update t set x = 1") == report.attempts);
}

TEST_CASE("each failed call makes one record, which tells whose line it was") {
    bench b({.max_retries = 0});
    b.server.fail("", asio::error::connection_reset, 3);
    b.db.async_query("select 1", params(), [](error_code, rows) {});
    const auto line = boost::source_location(BOOST_CURRENT_LOCATION).line() - 1;
    b.sim.run();
    call_report report;
    const call c{.report = &report};
    b.db.async_query("select 1", params(), c, [](error_code, rows) {});
    b.sim.run();
    b.db.async_execute("insert", params(), [](error_code, affected) {});
    const auto last = boost::source_location(BOOST_CURRENT_LOCATION).line() - 1;
    b.sim.run();
    const auto records = b.sink->records();
    REQUIRE(records.size() == 3);
    for (const auto& r : records) {
        CHECK(r.message == "Database query failed: " + error_code(asio::error::connection_reset).message());
        CHECK(r.severity == log::level::error);
        CHECK(std::string(r.place.file_name()).ends_with("client.cpp"));
        CHECK(r.time >= std::chrono::system_clock::time_point(1'761'492'406s));  // the simulation's time of day
    }
    CHECK(records[0].place.line() == line);
    CHECK(records[1].place.line() == c.place.line());
    CHECK(records[2].place.line() == last);
    CHECK(records[0].fields.empty());
    REQUIRE(records[1].fields.size() >= 1);  // who asked for a report has it in the record
    CHECK(records[1].fields[0].first == "attempts");
}

TEST_CASE_METHOD(bench, "inside another call of kedge the outer limit, tag and report hold") {
    server.query_takes(10min);
    for (int i = 0; i < 20; ++i) (void)query("select report", {.tag = "report"});
    sim.run_for(1s);
    const pipeline outer{sim, total_timeout{5s}};
    call_report report;
    std::optional<error_code> ended;
    auto inner = [&](auto&& token) {
        return db.async_query("select customer", params(), std::forward<decltype(token)>(token));
    };
    outer.async_call(inner, call{.report = &report}, [&](error_code ec, rows) { ended = ec; });
    sim.run_for(6s);
    CHECK(ended == error_code(errc::pool_exhausted));
    CHECK(report.stopped_by == stage::pool);
    CHECK(report.pool.used == 20);
    CHECK(report.pool.holders[0].tag == "report");
    CHECK(report.elapsed == 5s);
}

TEST_CASE_METHOD(bench, "handlers run on their own executor") {
    auto strand = asio::make_strand(sim.get_executor());
    int there = 0;
    const auto on_strand = [&](auto&&...) { there += strand.running_in_this_thread(); };
    db.async_query("select 1", params(), asio::bind_executor(strand, on_strand));
    db.async_query(dynamic_sql("select '\xff'"), params(), asio::bind_executor(strand, on_strand));
    db.async_execute("insert", params(), asio::bind_executor(strand, on_strand));
    db.async_ping(asio::bind_executor(strand, on_strand));
    db.async_run(asio::bind_executor(strand, on_strand));
    sim.run_for(1s);
    CHECK(there == 4);
    db.async_shutdown(sim.now() + 1s, asio::bind_executor(strand, on_strand));
    sim.run();
    CHECK(there == 6);
}

TEST_CASE("a result comes in pieces, in one attempt, and what takes them may throw") {
    bench b;
    std::vector<std::int64_t> got;
    std::optional<error_code> end;
    auto take = [&](rows piece) {
        for (auto [value] : piece.as<std::int64_t>()) got.push_back(value);
        if (got.size() > 1) throw std::length_error("enough");
    };
    call_report report;
    const auto read = [&] {
        end.reset();
        b.db.async_query_batches("select 1", params(), take, {.report = &report, .repeating = repeat::harmless},
                                 [&](error_code ec) { end = ec; });
        CHECK_FALSE(end);
        b.sim.run_until([&] { return end.has_value(); });
        return *end;
    };
    CHECK_FALSE(read());
    CHECK(got == std::vector<std::int64_t>{1});

    CHECK(read() == errc::operation_threw);
    REQUIRE(report.thrown);
    CHECK_THROWS_WITH(std::rethrow_exception(report.thrown), "enough");
    CHECK(b.db.snapshot().breaker.failures == 0);
    CHECK(b.sink->records().empty());

    b.server.fail("", asio::error::connection_refused);  // which a query would repeat
    got.clear();
    CHECK(read() == asio::error::connection_refused);
    CHECK(report.attempts == 1);
    CHECK(got.empty());
    CHECK(b.sink->records().size() == 1);
}
