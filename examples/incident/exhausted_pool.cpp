// SPDX-License-Identifier: BSL-1.0
// A report keeps all connections of the pool, and a checkout needs one.

#include "scripted_service.hpp"
#include "story.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/pipeline.hpp>

#include <functional>

namespace incident {

namespace {

struct connection {};
using pool_type = kedge::connection_pool<connection>;

struct ending {
    kedge::error_code error;
    kedge::call_report report;
    nanoseconds waited{0};
};

/// The report starts `wanted` queries of 60 s each, through `limit`; a minute of cart traffic holds one connection more;
/// 11 s later a customer checks out.
ending check_out(story& s, int report_limit) {
    simulation sim(s.seed(), deployment);
    std::function<asio::awaitable<connection>()> dial = [&]() -> asio::awaitable<connection> {
        co_await kedge::async_sleep(sim, 2ms, asio::use_awaitable);
        co_return connection{};
    };
    pool_type pool(sim, {.name = "shop"}, dial);
    auto hold = [&](nanoseconds span) -> asio::awaitable<void> {
        auto lease = co_await pool.async_acquire(asio::use_awaitable, {"/app/report.cpp", 88, "export_all"});
        co_await kedge::async_sleep(sim, span, asio::use_awaitable);
        lease.recycle();
    };
    auto cart = [&]() -> asio::awaitable<void> {
        auto lease = co_await pool.async_acquire(asio::use_awaitable, {"/app/cart.cpp", 31, "reserve"});
        co_await kedge::async_sleep(sim, 60s, asio::use_awaitable);
        lease.recycle();
    };
    const kedge::pipeline bulkhead{sim, kedge::concurrency_limit(report_limit, 100)};
    std::function<asio::awaitable<void>()> report_query = [&] { return hold(60s); };
    auto reporter = [&]() -> asio::awaitable<void> { co_await bulkhead.async_call(report_query, asio::use_awaitable); };

    ending end;
    auto customer = [&]() -> asio::awaitable<void> {
        co_await kedge::async_sleep(sim, 11s, asio::use_awaitable);
        const auto start = sim.now();
        try {
            auto lease = co_await pool.async_acquire(kedge::call{.report = &end.report}, asio::use_awaitable);
            lease.recycle();
        } catch (const system_error& e) {
            end.error = e.code();
        }
        end.waited = sim.now() - start;
    };
    asio::co_spawn(sim, cart, asio::detached);
    for (int i = 0; i < 19; ++i) asio::co_spawn(sim, reporter, asio::detached);
    asio::co_spawn(sim, customer, asio::detached);
    sim.run();
    return end;
}

}  // namespace

void exhausted_pool(story& s) {
    s.title(2, "A report keeps the connections of a pool of 20. A checkout needs one.");

    const ending before = check_out(s, 100);
    kedge::log::database_error(s.log(), before.error);
    s.without("error after " + to_string(before.waited) + ", and no word about who has them");
    s.with_kedge("the same error names them: " + to_string(before.report.pool));
    s.check(before.error == kedge::errc::pool_exhausted && before.waited >= 30s && before.waited < 30010ms,
            "refused after the acquire timeout of 30 s");
    s.check(before.report.pool.used == 20 && before.report.pool.holders[0].count == 19, "the report holds 19 of 20");

    const ending after = check_out(s, 15);
    s.with_kedge("with concurrency_limit(15) around the report: a connection in " + to_string(after.waited));
    s.the_price("four queries of the report wait for the other fifteen");
    s.check(!after.error && after.waited < 10ms, "a connection at once");
}

}  // namespace incident
