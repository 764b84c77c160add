// SPDX-License-Identifier: BSL-1.0
// A report keeps all connections of the pool, and a checkout needs one.

#include "shop.hpp"
#include "story.hpp"

#include <kedge/database_client.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/scripted_connection.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <tuple>

namespace incident {

namespace {

using database = kedge::database_client<kedge::testing::scripted_connection>;

constexpr auto& export_all = "select * from orders";
constexpr auto& reserve = "select * from carts for update";
constexpr auto& price = "select price from articles";

struct ending {
    kedge::error_code error;
    kedge::call_report report;  // of the checkout
    nanoseconds report_took{0};
};

/// A report of 19 queries of a minute each, `limit` of them at a time, and one in the cart; 11 s later a customer checks
/// out. Whoever writes reports raises the limits of a query; those of the pool are the defaults.
ending check_out(story& s, int limit) {
    simulation sim(s.seed(), deployment);
    kedge::testing::scripted_server server("shop");
    server.query_takes(export_all, 60s).query_takes(reserve, 60s).query_takes(3ms);
    kedge::database_options options = s.settings().database;
    options.name = "shop";
    options.url = server.url();
    options.query_timeout = 2min;
    options.total_timeout = 5min;
    options.sink = s.log();
    database db(sim, options);
    const kedge::pipeline bulkhead{sim, kedge::concurrency_limit(limit, 100)};
    ending end;

    auto query = [&](auto&& token) {
        const kedge::call c{.place = {"/app/report.cpp", 88, "export_all"}};
        return db.async_query(export_all, kedge::params(), c, std::forward<decltype(token)>(token));
    };
    const auto queried = [&](const kedge::error_code&, const kedge::rows&) { end.report_took = sim.elapsed(); };
    for (int i = 0; i < 19; ++i) bulkhead.async_call(query, queried);

    const kedge::call cart{.place = {"/app/cart.cpp", 31, "reserve"}};
    db.async_query(reserve, kedge::params(), cart, [](const kedge::error_code&, const kedge::rows&) {});

    const visit customer = [&](int) -> asio::awaitable<void> {
        const kedge::call c{.report = &end.report, .place = {"/app/checkout.cpp", 19, "pay"}};
        const auto done = co_await db.async_query(price, kedge::params(), c, asio::as_tuple(asio::use_awaitable));
        end.error = std::get<0>(done);
    };
    sim.run_for(11s);
    start_customers(sim.get_executor(), 1, 0s, customer);
    sim.run();
    return end;
}

}  // namespace

void exhausted_pool(story& s) {
    s.title(2, "A report keeps the connections of a pool of 20. A checkout needs one.");

    const ending before = check_out(s, 19);
    const kedge::pool_report& pool = before.report.pool;
    s.without("error after " + to_string(before.report.elapsed) + ", and no word about who has them");
    s.with_kedge("the same error says who: " + to_string(pool));
    s.check(before.error == kedge::errc::pool_exhausted && before.report.elapsed >= 30s && before.report.elapsed < 30010ms,
            "refused after the acquire timeout of 30 s");
    s.check(pool.used == 20 && pool.max == 20 && pool.waiting == 1, "20 of 20 are used, and one waits");
    s.check(pool.holders[0].count == 19 && pool.holders[0].place.line() == 88 && pool.holders[0].held >= 40s,
            "the report holds 19 of 20");
    s.check(pool.holders[1].count == 1 && pool.holders[1].place.line() == 31, "the cart holds one");

    const ending after = check_out(s, 15);
    s.with_kedge("with concurrency_limit(15) around the report: answered in " + to_string(after.report.elapsed));
    s.the_price("the report takes " + to_string(after.report_took) + " instead of " + to_string(before.report_took) +
                ": four of its queries wait for the other fifteen");
    s.check(!after.error && after.report.elapsed < 10ms, "answered at once");
    s.check(before.report_took < 61s && after.report_took >= 120s && after.report_took < 121s, "the report takes twice as long");
}

}  // namespace incident
