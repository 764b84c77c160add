// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"
#include "database_file.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace kedge;
using test::database_file;
using test::opened;
using test::run;

namespace {

constexpr sql_text endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

}  // namespace

TEST_CASE("values of every type go into a file and come back") {
    const database_file file;
    boost::asio::io_context io;
    sqlite::connector to(file.url());
    const auto c = opened(io, to);
    REQUIRE_FALSE(run(io, *c, "create table t(i integer, r real, s text, b blob, n text)").ec);
    const auto put = run(io, *c, "insert into t values ($1, $2, $3, $4, $5)",
                         params(-5, 1.5, "é", blob{std::byte{0}, std::byte{255}}, nullptr));
    CHECK(put.result.affected().rows == 1);
    const auto got = run(io, *c, "select * from t").result;
    const auto [i, r, s, b, n] = got.as<int, double, std::string_view, blob, std::optional<std::string>>().front();
    CHECK(i == -5);
    CHECK(r == 1.5);
    CHECK(s == "é");
    CHECK(b == blob{std::byte{0}, std::byte{255}});
    CHECK_FALSE(n);
}

TEST_CASE("an empty blob is not NULL") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    const auto got = run(io, *c, "select $1", params(blob{})).result;
    CHECK(got.as<blob>().size() == 1);
}

TEST_CASE("moments and UUIDs are kept as text, which sorts and which SQLite's date functions read; arrays are refused") {
    using namespace std::chrono;
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    const timestamp at = sys_days(2026y / November / 25) + 9h + 250ms;
    const uuid id{{1, 2, 3}};
    const auto got = run(io, *c, "select $1, $2, strftime('%s', $1), typeof($1)", params(at, id)).result;
    const auto [when, who, seconds, type] = got.as<timestamp, uuid, std::string, std::string>().front();
    CHECK(when == at);
    CHECK(who == id);
    CHECK(seconds == std::to_string(at.time_since_epoch() / 1s));
    CHECK(type == "text");
    CHECK(run(io, *c, "select $1", params(std::vector<int>{1})).ec == sql_errc::no_such_type);
    CHECK(run(io, *c, "select $1", params(std::vector<std::string>{"a"})).ec == sql_errc::no_such_type);
}

TEST_CASE("numbered parameters count by number, not by position") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    const auto got = run(io, *c, "select $2, $1, $2", params("one", "two")).result;
    const auto [first, second, third] = got.as<std::string, std::string, std::string>().front();
    CHECK(first + second + third == "twoonetwo");
}

TEST_CASE("a DDL statement after an insert changes no rows") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    run(io, *c, "create table t(i)");
    CHECK(run(io, *c, "insert into t values (1), (2)").result.affected().rows == 2);
    CHECK(run(io, *c, "create table u(i)").result.affected().rows == 0);
}

TEST_CASE("bad statements end in clear errors") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    CHECK(run(io, *c, "select $1").ec == sql_errc::parameter_count);
    CHECK(run(io, *c, "select 1", params(1)).ec == sql_errc::parameter_count);
    CHECK(run(io, *c, "select 1; select 2").ec == sql_errc::several_statements);
    CHECK(run(io, *c, "select 1; -- a comment").ec == error_code());
    CHECK(run(io, *c, " -- nothing").ec == sql_errc::empty_statement);
    CHECK(run(io, *c, "select $1", params("\xff")).ec == sql_errc::invalid_utf8);
    CHECK(run(io, *c, dynamic_sql(std::string("select 1\0", 9))).ec == sql_errc::nul_in_text);
    CHECK(run(io, *c, "selec").ec == sqlite::errc::error);
    CHECK(c->state() == reuse::clean);
}

TEST_CASE("a violated constraint is an answer: success for a breaker, explained in the report") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    run(io, *c, "create table t(v text unique)");
    run(io, *c, "insert into t values ('a')");
    const auto again = run(io, *c, "insert into t values ('a')");
    CHECK(again.ec == sqlite::errc::constraint);
    CHECK(sqlite::classify(again.ec) == verdict{kind::success, replay::never});
    CHECK(again.report.said.text() == "UNIQUE constraint failed: t.v");
    CHECK(c->state() == reuse::clean);
}

TEST_CASE("all connections of one connector share its memory database, and it outlives them") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:"), other("sqlite::memory:");
    run(io, *opened(io, to), "create table t(i)");
    run(io, *opened(io, to), "insert into t values (7)");
    const rows seen = run(io, *opened(io, to), "select i from t").result;
    CHECK(seen.as<int>().front() == std::tuple(7));
    CHECK(run(io, *opened(io, other), "select i from t").ec == sqlite::errc::error);
}

TEST_CASE("a statement waits for another connection's lock and gets it") {
    const database_file file;
    boost::asio::io_context io;
    sqlite::connector to(file.url());
    const auto holder = opened(io, to), waiter = opened(io, to);
    run(io, *holder, "create table t(i)");
    run(io, *holder, "begin immediate");
    run(io, *holder, "insert into t values (1)");
    std::optional<error_code> waited;
    waiter->async_query("insert into t values (2)", {}, [&](error_code ec, rows) { waited = ec; });
    CHECK_FALSE(run(io, *holder, "select 1").ec);  // the waiter occupies no thread and no loop
    CHECK_FALSE(waited);
    run(io, *holder, "commit");
    io.restart();
    io.run();
    REQUIRE(waited);
    CHECK(*waited == error_code());
}

TEST_CASE("busy compares equal to overload, was certainly not executed, and says nothing to a breaker") {
    const error_code busy = sqlite::make_error_code(5);
    CHECK(busy == sqlite::errc::busy);
    CHECK(busy == condition::overload);
    CHECK(busy == condition::transient);
    CHECK(sqlite::classify(busy) == verdict{kind::neutral, replay::always});
}

TEST_CASE("cancelling interrupts the statement, and the connection is not clean before it has ended") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    c->async_query(endless, {},
                   boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, rows) { ended = ec; }));
    io.restart();
    io.poll();
    CHECK_FALSE(ended);
    CHECK(c->state() == reuse::needs_reset);
    stop.emit(boost::asio::cancellation_type::terminal);
    CHECK_FALSE(ended);  // never inside emit()
    io.restart();
    io.run();
    CHECK(ended == error_code(boost::asio::error::operation_aborted));
    CHECK(test::reset(io, *c) == error_code());
    CHECK(c->state() == reuse::clean);
    CHECK_FALSE(run(io, *c, "select 1").ec);
}

TEST_CASE("a reset does not wait for what the borrower left running") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    std::vector<error_code> ended;
    c->async_query(endless, {}, [&](error_code ec, rows) { ended.push_back(ec); });
    c->async_query("select 1", {}, [&](error_code ec, rows) { ended.push_back(ec); });
    CHECK(test::reset(io, *c) == error_code());
    CHECK(ended == std::vector<error_code>(2, boost::asio::error::operation_aborted));
    CHECK(c->state() == reuse::clean);
    CHECK_FALSE(run(io, *c, "select 1").ec);
}

TEST_CASE("cancelling a wait for a lock ends it at once") {
    const database_file file;
    boost::asio::io_context io;
    sqlite::connector to(file.url());
    const auto holder = opened(io, to), waiter = opened(io, to);
    run(io, *holder, "begin immediate");
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    waiter->async_query("begin immediate", {},
                        boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, rows) { ended = ec; }));
    for (int i = 0; i < 3; ++i) run(io, *holder, "select 1");
    stop.emit(boost::asio::cancellation_type::terminal);
    io.restart();
    io.run();
    CHECK(ended == error_code(boost::asio::error::operation_aborted));
    CHECK(test::reset(io, *waiter) == error_code());
}

TEST_CASE("what a borrower left open is rolled back, what he altered ends the connection") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    run(io, *c, "create table t(i)");
    run(io, *c, "begin immediate");
    run(io, *c, "insert into t values (1)");
    CHECK(c->state() == reuse::needs_reset);
    CHECK(test::reset(io, *c) == error_code());
    CHECK(c->state() == reuse::clean);
    CHECK(run(io, *c, "select i from t").result.empty());
    run(io, *c, "create temp table mine(i)");
    CHECK(c->state() == reuse::broken);
}

TEST_CASE("a read-only transaction refuses to write, the next one does not") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = opened(io, to);
    run(io, *c, "create table t(i)");
    run(io, *c, sqlite::connection::begin({.read_only = true}));
    CHECK(run(io, *c, "insert into t values (1)").ec == sqlite::errc::read_only);
    CHECK_FALSE(run(io, *c, "select i from t").ec);
    run(io, *c, "rollback");
    CHECK_FALSE(run(io, *c, "insert into t values (1)").ec);
}

TEST_CASE("a file that is no database is refused when it is opened") {
    const database_file file;
    boost::asio::io_context io;
    std::ofstream(file.path) << std::string(5000, 'x');
    sqlite::connector to(file.url());
    const auto c = to.create(io.get_executor());
    CHECK(test::connect(io, to, *c) == sqlite::errc::not_a_database);
    CHECK(sqlite::classify(sqlite::make_error_code(26)) == verdict{kind::failure, replay::never});
    CHECK(c->state() == reuse::broken);
}

TEST_CASE("read-only access to a missing file fails, and to an existing one cannot write") {
    const database_file file;
    boost::asio::io_context io;
    sqlite::connector ro(file.url() + "?mode=ro"), rw(file.url());
    const auto missing = ro.create(io.get_executor());
    CHECK(test::connect(io, ro, *missing) == sqlite::errc::cannot_open);
    run(io, *opened(io, rw), "create table t(i)");
    CHECK(run(io, *opened(io, ro), "insert into t values (1)").ec == sqlite::errc::read_only);
}

TEST_CASE("a connection may go while its statement runs") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    auto c = opened(io, to);
    std::optional<error_code> ended;
    c->async_query(endless, {}, [&](error_code ec, rows) { ended = ec; });
    io.restart();
    io.poll();
    c.reset();
    io.restart();
    io.run();
    REQUIRE(ended);
    CHECK(*ended);
}

TEST_CASE("a context may go while statements run and wait, with the connections in their handlers") {
    const database_file file;
    bool called = false;
    {
        boost::asio::io_context io;
        sqlite::connector to(file.url());
        std::shared_ptr<sqlite::connection> holder = opened(io, to), waiter = opened(io, to);
        run(io, *holder, "begin immediate");
        for (const auto& c : {holder, holder, waiter})
            c->async_query(c == waiter ? sql_text("begin immediate") : endless, {},
                           [&called, c](error_code, rows) { called = true; });
        for (int i = 0; i < 3; ++i) io.poll();
    }
    CHECK_FALSE(called);  // and the leak checker finds nothing
}

TEST_CASE("what cancels a statement may outlive its context") {
    boost::asio::cancellation_signal stop;
    sqlite::connector to("sqlite::memory:");
    {
        boost::asio::io_context io;
        const auto c = opened(io, to);
        c->async_query(endless, {},
                       boost::asio::bind_cancellation_slot(stop.slot(), [](error_code, const rows&) { FAIL("called"); }));
        io.restart();
        io.poll();
    }
    stop.emit(boost::asio::cancellation_type::terminal);  // nothing is there any more
}
