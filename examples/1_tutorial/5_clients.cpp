// SPDX-License-Identifier: BSL-1.0
//
// The database client is the policies of the other tutorials, put together with the incident's numbers. Here it talks to
// a scripted server in virtual time; `kedge::sqlite::client` and its siblings are the same class on a real one.

#include <kedge/database_client.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/testing/scripted_connection.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../expect.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using example::expect;

namespace {

using client = kedge::database_client<kedge::testing::scripted_connection>;

asio::awaitable<void> typed_rows(client db, int& total) {
    auto rows = co_await db.async_query("select id from orders", kedge::params(), asio::use_awaitable);
    for (auto [id] : rows.as<std::int64_t>()) total += static_cast<int>(id);
}

void a_query() {
    kedge::testing::simulation world;
    kedge::testing::scripted_server server;
    server.answer("select id from orders", [](const kedge::params&) {
        kedge::rows_builder made({"id"});
        made.integer(40);
        made.integer(2);
        return std::move(made).take();
    });
    const client db{world, {.url = server.url()}};
    int total = 0;
    asio::co_spawn(world, typed_rows(db, total), asio::detached);
    world.run();
    expect(total == 42, "rows come out typed");
}

// The incident: twenty slow reports have all connections, a customer's query waits 30 000 ms and is refused.
void pool_exhausted() {
    kedge::testing::simulation world;
    kedge::testing::scripted_server server;
    server.query_takes(1min);
    const auto log = std::make_shared<kedge::log::memory_sink>();
    client db{world, {.url = server.url(), .query_timeout = 2min, .total_timeout = 5min, .sink = log}};
    for (int i = 0; i < 20; ++i) db.async_query("select report", kedge::params(), [](error_code, kedge::rows) {});
    error_code refusal;
    kedge::call_report report;
    db.async_query("select customer", kedge::params(), {.report = &report}, [&](error_code ec, kedge::rows) { refusal = ec; });
    world.run();

    for (const std::string& event : log->events()) std::printf("%s\n", event.c_str());
    std::printf("%s\n", to_string(report).c_str());
    expect(refusal == kedge::errc::pool_exhausted && report.elapsed == 30s, "refused after 30 000 ms");
    expect(log->events() == std::vector<std::string>{"[ERROR] Database query failed: connection pool exhausted"},
           "one record, and it reads as in the incident");
}

// The server restarts and is away for 8 s; a customer comes every second. Nobody restarts this program.
void the_server_restarts() {
    kedge::testing::simulation world;
    kedge::testing::scripted_server server;
    server.away(world.now() + 10s, world.now() + 18s);
    client db{world, {.url = server.url()}};
    int good = 0, failed = 0;
    kedge::nanoseconds last_failure{0};
    for (int second = 0; second < 40; ++second) {
        db.async_query("select 1", kedge::params(), [&](error_code ec, kedge::rows) {
            ++(ec ? failed : good);
            if (ec) last_failure = world.elapsed();
        });
        world.run_for(1s);
    }
    world.run();
    std::printf("%d good, %d failed, the last one after %s; connections open: %d\n", good, failed,
                kedge::to_string(last_failure).c_str(), server.open());
    expect(good + failed == 40 && last_failure < 30s, "it is back soon after the server is");
    expect(good >= 20, "and served everybody else");
}

}  // namespace

int main() {
    a_query();
    pool_exhausted();
    the_server_restarts();
    return example::as_told ? 0 : 1;
}
