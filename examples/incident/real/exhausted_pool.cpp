// SPDX-License-Identifier: BSL-1.0
// A report keeps all connections of the pool, and a checkout needs one. They are transactions in a real database.

#include "../customers.hpp"
#include "shop_database.hpp"
#include "trial.hpp"

#include <kedge/pipeline.hpp>
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

struct ending {
    kedge::error_code error;
    kedge::call_report report;  // of the checkout
};

/// A report of 19 transactions that last for `span`, `limit` of them at a time, and one of the cart; when all that may
/// run do, a customer checks out.
template <class Client> ending check_out(trial& t, const shop_database& shop, int limit, nanoseconds span) {
    asio::io_context io;
    kedge::database_options options = t.settings().database;
    options.name = "shop";
    options.url = shop.url();
    options.acquire_timeout = 3s;
    options.sink = t.log();
    Client db(io, options);
    const kedge::pipeline bulkhead{io, kedge::concurrency_limit(limit, 100)};

    const std::function<asio::awaitable<void>(kedge::transaction&)> linger =
        [&](kedge::transaction&) -> asio::awaitable<void> { co_await kedge::async_sleep(io, span, asio::use_awaitable); };
    const task report_part = [&]() -> asio::awaitable<void> {
        const kedge::call c{.place = {"/app/report.cpp", 88, "export_all"}};
        co_await db.async_transaction(linger, {.read_only = true}, c, asio::use_awaitable);
    };
    const task report = [&]() -> asio::awaitable<void> { co_await bulkhead.async_call(report_part, asio::use_awaitable); };
    const task cart = [&]() -> asio::awaitable<void> {
        const kedge::call c{.place = {"/app/cart.cpp", 31, "reserve"}};
        co_await db.async_transaction(linger, {}, c, asio::use_awaitable);
    };
    ending end;
    const task customer = [&]() -> asio::awaitable<void> {
        while (db.snapshot().pool.used < limit + 1) co_await kedge::async_sleep(io, 5ms, asio::use_awaitable);
        const kedge::call c{.report = &end.report, .place = {"/app/checkout.cpp", 19, "pay"}};
        const auto done = co_await db.async_query("select total from kedge_incident_2", kedge::params(), c,
                                                  asio::as_tuple(asio::use_awaitable));
        end.error = std::get<0>(done);
    };
    for (int i = 0; i < 19; ++i) start(io.get_executor(), report);
    start(io.get_executor(), cart);
    start(io.get_executor(), customer);
    io.run();
    t.check(db.snapshot().pool.used == 0, "every connection came back");
    return end;
}

template <class Client> void play(trial& t, const shop_database& shop) {
    const ending before = check_out<Client>(t, shop, 19, 5s);
    const kedge::pool_report& pool = before.report.pool;
    t.without("a report and a cart hold all connections: error after " + to_string(before.report.elapsed) + "*");
    t.with_kedge("the same error says who: " + to_string(pool));
    t.check(before.error == kedge::errc::pool_exhausted && before.report.elapsed >= 3s && before.report.elapsed < 4500ms,
            "refused after the acquire timeout of 3 s");
    t.check(pool.used == 20 && pool.max == 20 && pool.waiting == 1, "20 of 20 are used, and one waits");
    t.check(pool.holders[0].count == 19 && pool.holders[0].place.line() == 88, "the report holds 19");
    t.check(pool.holders[1].count == 1 && pool.holders[1].place.line() == 31, "the cart holds one");
    t.check(t.records().size() == 1, "one record in kedge's log");

    const ending after = check_out<Client>(t, shop, 15, 2s);
    t.with_kedge("with concurrency_limit(15) around the report: answered in " + to_string(after.report.elapsed));
    t.check(!after.error && after.report.elapsed < 1500ms, "answered at once");
}

}  // namespace

void exhausted_pool(trial& t) {
    const auto shop = shop_database::open(t.database(), "kedge_incident_2");
    if (t.database().empty()) play<kedge::sqlite::client>(t, *shop);
    else play<kedge::postgres::client>(t, *shop);
}

}  // namespace incident::real
