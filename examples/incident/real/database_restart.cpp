// SPDX-License-Identifier: BSL-1.0
// Another program locks the database for three seconds, as a backup or a migration does, while orders come in.

#include "../customers.hpp"
#include "database_file.hpp"
#include "trial.hpp"

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
    nanoseconds slowest{0}, answered{0};  ///< answered: after the lock was gone
    kedge::pool_snapshot pool;
};

/// Ten orders a second for 7 s; the database is locked from the second second on.
tally play(trial& t) {
    const database_file file;
    asio::io_context io;
    kedge::sqlite::client db(io, {.name = "shop", .url = file.url(), .sink = t.log()});
    plain_connection other(file.path()), plain(file.path());
    tally found;
    time_point back = kedge::never, answered = kedge::never;

    const task lock = [&]() -> asio::awaitable<void> {
        co_await kedge::async_sleep(io, 1s, asio::use_awaitable);
        while (!other.execute("begin exclusive")) co_await kedge::async_sleep(io, 1ms, asio::use_awaitable);
        co_await kedge::async_sleep(io, locked_for, asio::use_awaitable);
        other.execute("commit");
        back = kedge::now();
    };
    const visit customer = [&](int number) -> asio::awaitable<void> {
        found.failed_plainly += !plain.execute("insert into orders values (-1, '19.90')");
        kedge::call_report report;
        const kedge::call c{.report = &report};
        const auto done = co_await db.async_execute("insert into orders values ($1, $2)", kedge::params(number, "19.90"), c,
                                                    asio::as_tuple(asio::use_awaitable));
        found.failed += std::get<0>(done).failed();
        found.slowest = std::max(found.slowest, report.elapsed);
        if (kedge::now() > back) answered = std::min(answered, kedge::now());
    };
    start(io.get_executor(), lock);
    start_customers(io.get_executor(), orders, pause, customer);
    io.run();
    plain.execute("select count(distinct number) * (count(*) = count(distinct number)) from orders where number >= 0");
    found.stored = plain.answer();
    found.answered = answered - back;
    found.pool = db.snapshot().pool;
    return found;
}

}  // namespace

void database_restart(trial& t) {
    const tally found = play(t);
    const std::string all = std::to_string(orders);
    t.without("another program locks the file for 3 s*: " + std::to_string(found.failed_plainly) + " of " + all + " orders fail");
    t.with_kedge(std::to_string(found.failed) + " fail; " + std::to_string(found.stored) +
                 " are in the table, each once; the first that waited is through " + to_string(found.answered) +
                 " after the lock; " + std::to_string(found.pool.peak) + " connections, none leaked");
    t.the_price("an order waits as long as the lock, up to " + to_string(found.slowest) +
                "; kedge waits for 5 s, so a longer lock is an error");
    t.check(found.failed_plainly >= 20, "who does not wait fails while the file is locked");
    t.check(found.failed == 0 && found.stored == orders, "every order is in the table, once");
    t.check(found.slowest >= locked_for - 500ms && found.slowest < 2 * locked_for, "who came first waited for the whole lock");
    t.check(found.answered > 0s && found.answered < 2s, "orders go through as soon as the lock is gone");
    t.check(found.pool.used == 0 && found.pool.peak == 20, "the pool was full, and nothing leaked");
}

}  // namespace incident::real
