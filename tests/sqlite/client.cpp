// SPDX-License-Identifier: BSL-1.0
// The database client on a file: whose connections the pool opens on strands of their own.
#include "../support/catch.hpp"
#include "database_file.hpp"

#include <kedge/sqlite/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <string_view>

using namespace kedge;

namespace {

/// Runs the context until the statement has ended.
rows ask(boost::asio::io_context& io, sqlite::client& db, sql_text text, params values = {}) {
    rows got;
    db.async_query(std::move(text), std::move(values), [&](error_code ec, rows result) {
        INFO(ec.message());
        CHECK_FALSE(ec);
        got = std::move(result);
    });
    io.restart();
    io.run();
    return got;
}

}  // namespace

TEST_CASE("the client keeps rows in a file, and lends its connection again", "[seed]") {
    const test::database_file file;
    boost::asio::io_context io;
    sqlite::client db(io, {.url = file.url()});
    ask(io, db, "create table orders(id integer, total text)");
    ask(io, db, "insert into orders values ($1, $2)", params(4711, "19.90"));
    const rows got = ask(io, db, "select id, total from orders");
    const auto [id, total] = got.as<int, std::string_view>().front();
    CHECK(id == 4711);
    CHECK(total == "19.90");
    CHECK(db.snapshot().pool.used == 0);
    CHECK(db.snapshot().pool.idle == 1);
}

TEST_CASE("a transaction that made a temporary table survives a violated constraint, and its connection is closed") {
    const test::database_file file;
    boost::asio::io_context io;
    sqlite::client db(io, {.url = file.url()});
    ask(io, db, "create table orders(id integer unique)");
    const auto body = [](transaction& t) -> boost::asio::awaitable<void> {
        (void)co_await t.async_query("create temp table mine(i)", {}, boost::asio::use_awaitable);
        (void)co_await t.async_query("insert into orders values (1)", {}, boost::asio::use_awaitable);
        error_code twice;
        (void)co_await t.async_query("insert into orders values (1)", {},
                                     boost::asio::redirect_error(boost::asio::use_awaitable, twice));
        CHECK(twice == sqlite::errc::constraint);
        (void)co_await t.async_query("insert into orders values (2)", {}, boost::asio::use_awaitable);
    };
    db.async_transaction(body, {}, [](std::exception_ptr e) { CHECK_FALSE(e); });
    io.restart();
    io.run();
    CHECK(db.snapshot().pool.idle == 0);
    const rows kept = ask(io, db, "select count(*) from orders");
    CHECK(std::get<0>(kept.as<int>().front()) == 2);
}
