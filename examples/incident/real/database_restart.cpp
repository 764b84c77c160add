// SPDX-License-Identifier: BSL-1.0
// Another program locks the orders for three seconds, as a migration does, while orders come in; then the database drops
// all connections, if it has such, as a restart does.

#include "../customers.hpp"
#include "shop_database.hpp"
#include "trial.hpp"

#include <kedge/postgres/client.hpp>
#include <kedge/sqlite/client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <tuple>

namespace incident::real {

namespace {

constexpr int orders = 70;
constexpr nanoseconds pause = 100ms, locked_for = 3s;

struct tally {
    int failed = 0, stored = 0;
    int failed_plainly = 0;  ///< of the same orders, by a program that does not wait
    bool dropped = false;
    nanoseconds slowest{0}, answered{0};  ///< answered: after the lock was gone
    kedge::pool_snapshot pool;
};

/// Ten orders a second for 7 s; the table is locked from the second second on, and a second after that connections are dropped.
template <class Client> tally play(trial& t, shop_database& shop) {
    asio::io_context io;
    kedge::database_options options = t.settings().database;
    options.name = "shop";
    options.url = shop.url();
    options.sink = t.log();
    Client db(io, options);
    tally found;
    time_point back = kedge::never, answered = kedge::never;

    const task others = [&]() -> asio::awaitable<void> {
        co_await kedge::async_sleep(io, 1s, asio::use_awaitable);
        while (!shop.lock()) co_await kedge::async_sleep(io, 1ms, asio::use_awaitable);
        co_await kedge::async_sleep(io, locked_for, asio::use_awaitable);
        shop.unlock();
        back = kedge::now();
        co_await kedge::async_sleep(io, 1s, asio::use_awaitable);
        found.dropped = shop.drop_connections();
    };
    const visit customer = [&](int number) -> asio::awaitable<void> {
        found.failed_plainly += !shop.store_plainly(number);
        kedge::call_report report;
        const kedge::call c{.report = &report, .repeating = kedge::repeat::harmless};
        const auto done =
            co_await db.async_execute("insert into kedge_incident_5 values ($1, '19.90') on conflict (number) do nothing",
                                      kedge::params(number), c, asio::as_tuple(asio::use_awaitable));
        found.failed += std::get<0>(done).failed();
        found.slowest = std::max(found.slowest, report.elapsed);
        if (kedge::now() > back) answered = std::min(answered, kedge::now());
    };
    start(io.get_executor(), others);
    start_customers(io.get_executor(), orders, pause, customer);
    io.run();
    found.stored = shop.stored();
    found.answered = answered - back;
    found.pool = db.snapshot().pool;
    return found;
}

}  // namespace

void database_restart(trial& t) {
    const auto shop = shop_database::open(t.database(), "kedge_incident_5");
    const tally found =
        t.database().empty() ? play<kedge::sqlite::client>(t, *shop) : play<kedge::postgres::client>(t, *shop);
    const std::string all = std::to_string(orders);
    const std::string then = found.dropped ? ", then all connections are dropped: " : ": ";
    t.without("another program locks the table for 3 s*" + then + std::to_string(found.failed_plainly) + " of " + all +
              " orders fail (" + shop->name() + ")");
    t.with_kedge(std::to_string(found.failed) + " fail; " + std::to_string(found.stored) +
                 " are in the table, each once; the first that waited is through " + to_string(found.answered) +
                 " after the lock; " + std::to_string(found.pool.peak) + " connections, none leaked");
    t.the_price("an order waits as long as the lock, up to " + to_string(found.slowest) +
                (found.dropped ? "; and it has a number of its own, so that it may be sent twice and is stored once"
                               : "; kedge waits for 5 s, so a longer lock is an error"));
    t.check(found.failed_plainly >= 20, "who does not wait fails while the table is locked");
    t.check(!found.dropped || found.failed_plainly >= 35, "and a connection that is lost stays lost");
    t.check(found.failed == 0 && found.stored == orders, "every order is in the table, once");
    t.check(found.slowest >= locked_for - 500ms && found.slowest < 2 * locked_for, "who came first waited for the whole lock");
    t.check(found.answered > 0s && found.answered < 2s, "orders go through as soon as the lock is gone");
    t.check(found.pool.used == 0 && found.pool.peak == 20, "the pool was full, and nothing leaked");
}

}  // namespace incident::real
