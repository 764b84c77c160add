// SPDX-License-Identifier: BSL-1.0
//
// A pool of anything, and the incident's "connection pool exhausted": the same error, but it names who has them. In
// virtual time; see tutorial 2.

#include <kedge/concurrency_limit.hpp>
#include <kedge/connection_pool.hpp>
#include <kedge/log/console_sink.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>

#include "../expect.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using example::expect;

namespace {

/// Stands for whatever you connect to. The pool wants nothing of it.
struct connection {
    int number = 0;
};

using pool_type = kedge::connection_pool<connection>;

struct shop {
    kedge::testing::simulation world;
    int opened = 0;

    /// How the pool opens a connection: an operation that yields one. This one takes 3 ms.
    pool_type make_pool() {
        auto connect = [this]() -> asio::awaitable<connection> {
            co_await kedge::async_sleep(world, 3ms, asio::use_awaitable);
            co_return connection{++opened};
        };
        return pool_type(world, {.name = "orders", .max = 20}, connect);
    }

    /// One line of a monthly report: holds a connection for a minute.
    asio::awaitable<void> report_line(pool_type pool) {
        auto lease = co_await pool.acquire();
        co_await kedge::async_sleep(world, 1min, asio::use_awaitable);
        lease.recycle();  // it is clean: the next one may have it. A lease that just ends closes its connection
    }
};

// The incident's exhausted pool, in a few lines: a report takes all 20 connections, a checkout waits 30 s for one.
void pool_exhausted() {
    shop s;
    pool_type pool = s.make_pool();
    for (int i = 0; i < 20; ++i) asio::co_spawn(s.world, s.report_line(pool), asio::detached);
    s.world.run_for(11s);

    error_code refusal;
    kedge::call_report report;
    pool.async_acquire({.report = &report, .tag = "checkout"}, [&](error_code ec, kedge::lease<connection>) { refusal = ec; });
    s.world.run_for(30s);
    kedge::log::console_sink console{stdout};
    kedge::log::database_error(console, {.error = refusal, .report = &report});
    std::printf("%s\n", to_string(report.pool).c_str());
    expect(refusal == kedge::errc::pool_exhausted, "refused after 30 s");
    expect(report.pool.holders[0].count == 20 && report.pool.holders[0].held > 40s, "and the report's line is named");
    s.world.run();
    expect(s.opened == 20 && pool.snapshot().used == 0, "20 connections were opened, all came back");
}

// The cure: the report gets a part of the pool. Its lines wait for each other, the checkout does not wait for them.
void a_bulkhead_keeps_room() {
    shop s;
    pool_type pool = s.make_pool();
    const kedge::pipeline reports{s.world, kedge::concurrency_limit{15, 100}};
    auto line = [&]() -> asio::awaitable<void> { co_await s.report_line(pool); };
    for (int i = 0; i < 40; ++i) {
        auto one = [&]() -> asio::awaitable<void> { co_await reports.async_call(line, asio::use_awaitable); };
        asio::co_spawn(s.world, one, asio::detached);
    }
    s.world.run_for(11s);

    // async_with: acquire, use, give back. The connection is back in the pool before the handler runs.
    kedge::nanoseconds took{-1};
    const auto start = s.world.now();
    auto checkout = [&](connection&, auto&& token) {
        return kedge::async_sleep(s.world, 2ms, std::forward<decltype(token)>(token));
    };
    pool.async_with(checkout, [&](error_code ec) {
        if (!ec) took = s.world.now() - start;
    });
    s.world.run();
    std::printf("checkout took %s\n", kedge::to_string(took).c_str());
    expect(took >= 2ms && took <= 5ms, "at most a new connection and its own work");
}

}  // namespace

int main() {
    pool_exhausted();
    a_bulkhead_keeps_room();
    return example::as_told ? 0 : 1;
}
