// SPDX-License-Identifier: BSL-1.0
// Somebody else has the lock of the writers: another process, or another connection of this one. In virtual time.
#include "shop.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <optional>

using namespace kedge;
using namespace std::chrono_literals;
using test::shop;

TEST_CASE_METHOD(shop, "a lock of another process is waited for, then it is busy, and nothing was executed") {
    const test::locking_process other(file.path);
    const test::asked got = test::ask(sim, db, "insert into t values (1)");
    CHECK(got.ec == sqlite::errc::busy);
    CHECK(got.ec == condition::overload);
    CHECK(got.report.attempts == 1);
    CHECK(got.report.history[0].judged == verdict{kind::neutral, replay::always});
    CHECK(got.report.said.text() == "database is locked");
    CHECK(got.took >= 4900ms);
    CHECK(got.took <= 5s);
    CHECK(rows_in_file() == 0);
    CHECK_FALSE(*test::ask(sim, db, "select * from t").ec);  // readers need no such lock
}

TEST_CASE_METHOD(shop, "a lock that is let go within 5 s costs only the wait") {
    std::optional<test::raw_database> other(file.path);
    other->must("begin immediate");
    std::optional<error_code> ended;
    db.async_query("insert into t values (1)", {}, [&](error_code ec, rows) { ended = ec; });
    sim.run_for(3s);
    CHECK_FALSE(ended);
    CHECK(db.snapshot().pool.used == 1);
    other.reset();
    sim.run_for(50ms);
    CHECK(ended == error_code());
    CHECK(rows_in_file() == 1);
}

TEST_CASE_METHOD(shop, "who holds the writers' lock for long does not lock out the readers: the breaker stays closed") {
    test::raw_database other(file.path);
    other.must("begin immediate");
    for (int i = 0; i < 8; ++i) CHECK(test::ask(sim, db, "insert into t values (1)").ec == sqlite::errc::busy);
    CHECK(opened_breaker == 0);
    CHECK_FALSE(*test::ask(sim, db, "select * from t").ec);
    other.must("rollback");
    CHECK_FALSE(*test::ask(sim, db, "insert into t values (1)").ec);
    CHECK(rows_in_file() == 1);
}

TEST_CASE_METHOD(shop, "a busy statement is repeated without a declaration, since it certainly was not executed") {
    test::raw_database other(file.path);
    other.must("begin immediate");
    call_report report;
    std::optional<error_code> ended;
    db.async_execute("insert into t values (1)", {}, {.report = &report}, [&](error_code ec, affected) { ended = ec; });
    sim.run_for(7s);
    other.must("rollback");
    sim.run_for(30s);
    CHECK(ended == error_code());
    CHECK(report.attempts == 2);
    CHECK(rows_in_file() == 1);
}

TEST_CASE_METHOD(shop, "a deadline ends the wait for a lock, and the connection is as good as before") {
    test::raw_database other(file.path);
    other.must("begin immediate");
    std::optional<error_code> ended;
    const time_point due = sim.now() + 700ms;
    db.async_query("insert into t values (1)", {}, {.deadline = due}, [&](error_code ec, rows) { ended = ec; });
    sim.run_for(700ms);
    CHECK(ended == errc::deadline_exceeded);
    sim.run();
    other.must("rollback");
    CHECK_FALSE(*test::ask(sim, db, "insert into t values (2)").ec);
    CHECK(rows_in_file() == 1);
    CHECK(db.snapshot().pool.used == 0);
}

TEST_CASE_METHOD(shop, "a snapshot that is too old to write from fails at once, and the transaction runs again") {
    int runs = 0;
    auto body = [&](transaction& t) -> boost::asio::awaitable<void> {
        ++runs;
        (void)co_await t.async_query("rollback", {}, boost::asio::use_awaitable);  // a reader that turns writer, as `begin` alone
        (void)co_await t.async_query("begin", {}, boost::asio::use_awaitable);
        (void)co_await t.async_query("select * from t", {}, boost::asio::use_awaitable);
        if (runs == 1) test::raw_database(file.path).must("insert into t values (1)");
        (void)co_await t.async_query("insert into t values (2)", {}, boost::asio::use_awaitable);
    };
    std::optional<std::exception_ptr> ended;
    const time_point begun = sim.now();
    db.async_transaction(body, {}, [&](std::exception_ptr e) { ended = e; });
    sim.run();
    REQUIRE(ended);
    CHECK_FALSE(*ended);
    CHECK(runs == 2);
    CHECK(sim.now() - begun < 2s);  // not 5 s of waiting for what never comes
    CHECK(rows_in_file() == 2);
}
