// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"

#include <kedge/circuit_breaker.hpp>
#include <kedge/log/events.hpp>
#include <kedge/log/level_filter.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/error.hpp>

#include <memory>
#include <string>

using namespace kedge;
using namespace std::chrono_literals;
using kedge::testing::recording_sink;

namespace {

struct expected {
    event what;
    log::level severity;
    const char *logger, *message;
};

const error_code refused = boost::asio::error::connection_refused;
const boost::source_location somewhere("/app/src/report.cpp", 88, "report");

const expected table[] = {
    {breaker_changed{"prices", breaker_state::closed, breaker_state::open, 20, 12, 5, 5s, refused}, log::level::warning,
     "kedge.breaker", "Circuit breaker 'prices' closed -> open: 12 of 20 calls failed, 5 in a row; next probe in 5.0 s"},
    {breaker_changed{"prices", breaker_state::half_open, breaker_state::closed}, log::level::info, "kedge.breaker",
     "Circuit breaker 'prices' half-open -> closed"},
    {retry_scheduled{1, 48ms, refused}, log::level::debug, "kedge.retry",
     "Attempt 1 failed: Connection refused; again in 48 ms"},
    {retry_suppressed{errc::timed_out, "write this"}, log::level::info, "kedge.retry",
     "Not retried, since the operation is not declared idempotent: timed out; write this"},
    {retries_have_no_time{2s, 3s}, log::level::warning, "kedge.retry",
     "Retries have no time: an attempt may take 2.0 s, the whole call 3.0 s"},
    {pool_pressure_changed{"orders", pool_pressure::high, pool_pressure::exhausted, 20, 20, 7}, log::level::warning,
     "kedge.pool", "Connection pool 'orders' exhausted: 20/20 used, 7 waiting"},
    {pool_pressure_changed{"", pool_pressure::high, pool_pressure::relaxed, 3, 20, 0}, log::level::info, "kedge.pool",
     "Connection pool has room again: 3/20 used, 0 waiting"},
    {pool_dial_failed{"orders", refused, 3, 40ms}, log::level::warning, "kedge.pool",
     "Connection pool 'orders' cannot connect: Connection refused (3 in a row); next try in 40 ms"},
    {pool_server_down{"orders", true, refused}, log::level::error, "kedge.pool",
     "Server of connection pool 'orders' is down: Connection refused"},
    {pool_server_down{"orders", false, {}}, log::level::info, "kedge.pool", "Server of connection pool 'orders' is back"},
    {pool_invalidated{"orders", refused}, log::level::warning, "kedge.pool",
     "Connection pool 'orders' gives up all its connections: Connection refused"},
    {lease_held_long{"orders", "monthly", somewhere, 41s}, log::level::warning, "kedge.pool",
     "A connection of pool 'orders' has been held for 41.0 s by report.cpp:88 'monthly'"},
    {operation_stuck{"", somewhere, 1s}, log::level::warning, "kedge.call",
     "An operation does not stop: told to 1.0 s ago, called by report.cpp:88"},
    {health_changed{"payments", health::up, health::down, refused}, log::level::error, "kedge.health",
     "Health of 'payments': up -> down: Connection refused"},
    {payment_alarm{"payments", payment_alarm_cause::manual_review, "order-4711", refused, 60s}, log::level::error,
     "kedge.payment",
     "Payment order-4711 of 'payments' needs a manual review, still undecided after 60.0 s: Connection refused"},
    {payment_alarm{"payments", payment_alarm_cause::key_conflict, "order-4711"}, log::level::error, "kedge.payment",
     "Payment order-4711 of 'payments' uses a key of other content"},
};

}  // namespace

TEST_CASE("each event becomes a record by one table", "[log]") {
    for (const expected& one : table) {
        const log::event_record made = log::to_record(one.what);
        const log::record r = made.view();
        CHECK(r.message == one.message);
        CHECK(r.logger == one.logger);
        CHECK(r.severity == one.severity);
        CHECK(log::severity_of(one.what) == one.severity);
    }
}

TEST_CASE("a breaker's transition reaches the sink with the time of its context", "[log][seed]") {
    const log::wall_time incident(1761492406s);  // 2025-10-26T15:26:46
    testing::simulation sim(1, incident);
    const auto sink = std::make_shared<recording_sink>();
    circuit_breaker breaker{{.name = "payments", .on_event = log::event_recorder{sim, sink}}};
    sim.run_for(7s);
    for (int i = 0; i < 5; ++i) breaker.try_acquire().failure();
    REQUIRE(sink->records().size() == 1);
    CHECK(sink->records()[0].message.starts_with("Circuit breaker 'payments' closed -> open: 5 of 5 calls failed"));
    CHECK(sink->records()[0].time == incident + 7s);
}

TEST_CASE("a recorder asks for the level first and takes no sink for silence", "[log]") {
    testing::simulation sim;
    const auto sink = std::make_shared<recording_sink>();
    const log::event_recorder quiet(sim, std::make_shared<log::level_filter>(log::level::info, sink));
    quiet(retry_scheduled{1, 48ms, refused});
    CHECK(sink->records().empty());
    quiet(pool_server_down{"orders", true, refused});
    CHECK(sink->records().size() == 1);
    const log::event_recorder none(sim, nullptr);
    none(pool_server_down{"orders", true, refused});
}
