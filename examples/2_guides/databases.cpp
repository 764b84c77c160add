// SPDX-License-Identifier: BSL-1.0
//
// The code of docs/guide/database.md, as it stands there. The shop keeps its orders in SQLite, in memory; the second half is a
// server in virtual time that loses the answer to COMMIT.

#include <kedge/sqlite/client.hpp>
#include <kedge/testing/scripted_connection.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "../expect.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using example::expect;

namespace {

using kedge::params;
using kedge::sqlite::client;

asio::awaitable<std::int64_t> total_of(client db, int customer) {
    std::int64_t sum = 0;
    auto rows = co_await db.async_query("select id, cents from orders where customer = $1", params(customer),
                                        asio::use_awaitable);
    for (auto [id, cents] : rows.as<std::int64_t, std::int64_t>()) sum += cents;
    co_return sum;
}

asio::awaitable<void> pay(client db, int from, int to, std::int64_t cents) {
    auto move = [&](kedge::transaction& t) -> asio::awaitable<void> {
        co_await t.async_execute("update account set cents = cents - $1 where id = $2", params(cents, from), asio::use_awaitable);
        co_await t.async_execute("update account set cents = cents + $1 where id = $2", params(cents, to), asio::use_awaitable);
    };
    co_await db.async_transaction(move, kedge::transaction_options{}, asio::use_awaitable);
}

// The number comes from whoever wants the order, not from the database: so the statement may run twice and stores it once.
asio::awaitable<void> store(client db, std::string_view number, std::int64_t cents) {
    const kedge::call harmless{.repeating = kedge::repeat::harmless};
    co_await db.async_execute("insert into orders (number, customer, cents) values ($1, 1, $2) on conflict do nothing",
                              params(number, cents), harmless, asio::use_awaitable);
}

asio::awaitable<void> shop(client db) {
    co_await db.async_execute("create table account (id integer primary key, cents integer check (cents >= 0))", params(),
                              asio::use_awaitable);
    co_await db.async_execute("create table orders (id integer primary key, number text unique, customer integer, cents integer)",
                              params(), asio::use_awaitable);
    co_await db.async_execute("insert into account values (1, 1000), (2, 0)", params(), asio::use_awaitable);

    co_await store(db, "2026-4711", 1990);
    co_await store(db, "2026-4711", 1990);
    expect(co_await total_of(db, 1) == 1990, "the same order, stored twice, is there once");

    co_await pay(db, 1, 2, 400);
    std::string refused;
    try {
        co_await pay(db, 1, 2, 9999);
    } catch (const boost::system::system_error& e) {
        if (e.code() == kedge::sqlite::errc::constraint) refused = "the account would be overdrawn";
    }
    auto rows = co_await db.async_query("select cents from account order by id", params(), asio::use_awaitable);
    const auto cents = rows.as<std::int64_t>();
    expect(!refused.empty() && std::get<0>(cents[0]) == 600 && std::get<0>(cents[1]) == 400, "all of a transfer, or nothing");
}

/// What the caller of a write may say to the one who waits for it.
const char* what_happened(const kedge::error_code& ec) {
    if (!ec) return "done";
    if (ec == kedge::errc::commit_unknown || ec == kedge::condition::timeout) return "perhaps done";
    if (ec == kedge::condition::rejected) return "not done: try again later";
    return ec == kedge::sql_errc::rolled_back ? "not done" : "look at the table below";
}

using scripted_client = kedge::database_client<kedge::testing::scripted_connection>;

/// One order in a transaction whose answer to COMMIT is lost.
kedge::error_code lose_the_answer(kedge::transaction_options options) {
    kedge::testing::simulation world;
    kedge::testing::scripted_server server;
    server.fail("commit", asio::error::connection_reset);
    scripted_client db{world, {.url = server.url()}};
    auto order = [](kedge::transaction& tx) -> asio::awaitable<void> {
        co_await tx.async_execute("insert into orders values ('2026-4711', 1990)", params(), asio::use_awaitable);
    };
    kedge::error_code result;
    db.async_transaction(order, options, [&](std::exception_ptr thrown) {
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const boost::system::system_error& e) {
            result = e.code();
        }
    });
    world.run();
    return result;
}

void commit_unknown() {
    const auto unknown = lose_the_answer({});
    std::printf("%s: %s\n", unknown.message().c_str(), what_happened(unknown));
    expect(unknown == kedge::errc::commit_unknown, "a lost answer to COMMIT is told as what it is");
    expect(!lose_the_answer({.resolve_commit = true}), "and looked up, when asked for");
}

}  // namespace

int main() {
    asio::io_context io;
    client db{io, {.url = "sqlite::memory:"}};

    asio::cancellation_signal stop;
    db.async_run(asio::bind_cancellation_slot(stop.slot(), [](kedge::error_code) {}));

    std::exception_ptr failed;
    asio::co_spawn(io, shop(db), [&](std::exception_ptr e) {
        failed = e;
        stop.emit(asio::cancellation_type::terminal);
    });
    io.run();
    if (failed) std::rethrow_exception(failed);
    commit_unknown();
    return example::as_told ? 0 : 1;
}
