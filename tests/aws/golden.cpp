// SPDX-License-Identifier: BSL-1.0
// What arrives in CloudWatch: the four families of records and metrics, byte for byte as in golden/.
#include "../support/catch.hpp"
#include "emf_rules.hpp"

#include <kedge/aws/emf_reporter.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/log/events.hpp>
#include <kedge/log/json_format.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/log/payment_error.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

using namespace kedge;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

const log::wall_time incident{1'761'492'406s};
const error_code refused = boost::asio::error::connection_refused;

aws::emf_reporter reporter() { return aws::emf_reporter({.application = "checkout"}); }

std::string as_record(const event& what) {
    std::string out;
    log::json_format(log::to_record(what, incident).view(), out);
    return out;
}

lines operator+(lines a, const lines& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// These are the lines of golden/NAME.jsonl; metrics among them keep CloudWatch's rules.
void check_family(const std::string& name, const lines& made) {
    std::ifstream in(KEDGE_PROJECT_FOLDER "/tests/aws/golden/" + name + ".jsonl", std::ios::binary);
    std::string golden;
    for (const std::string& line : made) {
        std::getline(in, golden);
        CHECK(line == golden);
        if (line.starts_with(R"({"_aws")")) CHECK(aws_test::emf_rules::broken(line, aws::largest_event) == "");
    }
    CHECK(in.good());
    CHECK_FALSE(std::getline(in, golden));
}

double metric(const lines& documents, std::size_t which, std::string_view name) {
    return boost::json::parse(documents.at(which)).at(name).to_number<double>();
}

bool has(const std::string& document, std::string_view name) {
    return boost::json::parse(document).as_object().contains(name);
}

pool_snapshot exhausted() {
    pool_snapshot s{.used = 20, .waiting = 398, .max = 20, .peak = 20, .oldest_wait = 29'500ms};
    s.waits = {418, 12ms, 30s};
    s.timeouts = 20;
    s.leaks = 1;
    s.opened = 24;
    return s;
}

breaker_snapshot open() {
    breaker_snapshot s{.state = breaker_state::open, .calls = 20, .failures = 15, .failures_in_a_row = 5};
    s.in_state = 1500ms;
    s.next_probe_in = 3500ms;
    s.refused = 37;
    s.stale = 2;
    s.last_error = refused;
    return s;
}

}  // namespace

TEST_CASE("golden: errors", "[aws]") {
    log::memory_sink sink(10, log::json_format);
    log::payment_error(sink, {.error = errc::timed_out,
                              .limit = 5000ms,
                              .place = {"/app/payment_handler.py", 67, "process_payment"},
                              .source_line = "response = payment_client.charge(amount)",
                              .time = incident});
    log::database_error(sink,
                        {.error = errc::pool_exhausted, .place = {"/app/orders.cpp", 12, "load"}, .time = incident});
    log::database_error(sink, {.error = refused, .place = {"/app/orders.cpp", 12, "load"}, .time = incident});
    check_family("errors", sink.events() + reporter().report("cloudwatch", log::sink_counters{3, 1, 0}, incident));
}

TEST_CASE("golden: health", "[aws]") {
    aws::emf_reporter metrics = reporter();
    const lines down{as_record(health_changed{"payments", health::up, health::down, refused})};
    const lines up{as_record(health_changed{"payments", health::down, health::up, {}})};
    const lines at_first = metrics.report("payments", health_snapshot{health::down, 30s, 4, 2, refused}, incident);
    const lines later = metrics.report("payments", health_snapshot{health::up, 0ns, 6, 0, refused}, incident + 1min);
    check_family("health", down + at_first + up + later);
}

TEST_CASE("golden: pool", "[aws]") {
    const lines events{
        as_record(pool_pressure_changed{"orders", pool_pressure::high, pool_pressure::exhausted, 20, 20, 398}),
        as_record(pool_dial_failed{"orders", refused, 3, 400ms}), as_record(pool_server_down{"orders", true, refused}),
        as_record(lease_held_long{"orders", "report", {"/app/report.cpp", 8, "build"}, 61s})};
    database_snapshot s;
    s.pool = exhausted();
    s.pool.down = true;
    s.pool.last_connect_error = refused;
    s.retries = {12.5, 20};
    check_family("pool", events + reporter().report("orders", s, incident));
}

TEST_CASE("golden: breaker", "[aws]") {
    breaker_changed opened{"payments", breaker_state::closed, breaker_state::open, 20, 15, 5, 5s, refused};
    payment_snapshot s;
    s.charges = open();
    s.reads.mode = breaker_mode::metrics_only;
    s.in_flight = 3;
    s.retries = {20, 20};
    check_family("breaker", lines{as_record(opened)} + reporter().report("payments", s, incident));
}

TEST_CASE("totals are reported as what came since the reading before, states as they are", "[aws]") {
    aws::emf_reporter metrics;
    pool_snapshot s = exhausted();
    const auto read = [&](std::string_view name) {
        const lines all = metrics.report(name, s, incident);
        return std::vector<double>{metric(all, 0, "queue_timeouts"), metric(all, 0, "queue_waits"),
                                   metric(all, 0, "pool_used")};
    };
    using numbers = std::vector<double>;
    CHECK(read("a") == numbers{20, 418, 20});
    CHECK(read("a") == numbers{0, 0, 20});
    CHECK(read("b") == numbers{20, 418, 20});
    s.timeouts = 25;
    CHECK(read("a") == numbers{5, 0, 20});
    s.timeouts = 3;  // made anew
    CHECK(read("a") == numbers{3, 0, 20});
    s.waits.count = 500;
    CHECK(read("b") == numbers{3, 82, 20});
}

TEST_CASE("metrics of a stream tell where every event went, by reason where there is one", "[aws]") {
    aws::emf_reporter metrics;
    aws::delivery_counters s;
    s.offered = 1000, s.acked = 900, s.pending = 40, s.pending_bytes = 9000, s.oldest = 12s, s.outage = true;
    s.dropped[aws::drop_reason::queue_full] = 50;
    s.rejected[aws::rejection::too_old] = 10;
    REQUIRE(s.accounting().balanced());
    const lines first = metrics.report("checkout-1", s, incident);
    CHECK(metric(first, 0, "log_offered") == metric(first, 0, "log_acked") + metric(first, 0, "log_dropped_queue_full") +
                                                 metric(first, 0, "log_rejected_too_old") + metric(first, 0, "log_pending"));
    CHECK(metric(first, 0, "log_oldest") == 12'000);
    CHECK(metric(first, 0, "log_outage") == 1);
    CHECK(boost::json::parse(first.at(0)).at("stream") == "checkout-1");
    CHECK_FALSE(has(first.at(0), "log_dropped_closed"));
    CHECK_FALSE((has(first.at(0), "log_requests_throttled") || has(first.at(0), "log_retries_unknown")));
    s.acked = 940, s.pending = 0, s.outage = false;
    s.acked_bytes = 9400, s.acked_batches = 2, s.most_pending = 60, s.most_bytes = 9900, s.retries = 1;
    s.answers[aws::answer_kind::accepted] = 2, s.answers[aws::answer_kind::unknown] = 1;
    s.retried[aws::answer_kind::unknown] = 1;
    const lines later = metrics.report("checkout-1", s, incident + 1min);
    CHECK(metric(later, 0, "log_acked") == 40);
    CHECK(metric(later, 0, "log_dropped") == 0);
    const auto read = [&](std::string_view name) { return metric(later, 0, name); };
    CHECK((read("log_acked_bytes") == 9400 && read("log_acked_batches") == 2));
    CHECK((read("log_most_pending") == 60 && read("log_most_bytes") == 9900));
    CHECK((read("log_requests") == 3 && read("log_requests_accepted") == 2 && read("log_requests_unknown") == 1));
    CHECK((read("log_retries") == 1 && read("log_retries_unknown") == 1));
}

TEST_CASE("metrics of a spool and of keys: sizes and ages as they are, troubles as they come", "[aws]") {
    aws::emf_reporter metrics;
    aws::spool_counters s{.bytes = 4096, .segments = 2, .working = true, .written = 10, .corrupt = 1, .lost = 3, .failures = 4};
    const lines spool = metrics.report("shop", s, incident);
    CHECK(boost::json::parse(spool.at(0)).at("spool") == "shop");
    CHECK((metric(spool, 0, "spool_bytes") == 4096 && metric(spool, 0, "spool_segments") == 2));
    CHECK((metric(spool, 0, "spool_working") == 1 && metric(spool, 0, "spool_set_aside") == 0));
    CHECK((metric(spool, 0, "spool_lost") == 3 && metric(spool, 0, "spool_failures") == 4));
    s.written = 12;
    const lines again = metrics.report("shop", s, incident);
    CHECK((metric(again, 0, "spool_written") == 2 && metric(again, 0, "spool_corrupt") == 0));

    const aws::credentials_snapshot k{"instance", incident + 1h, 2, incident - 5min, 7};
    const lines keys = metrics.report("shop", k, incident);
    CHECK((metric(keys, 0, "credentials_age") == 300'000 && metric(keys, 0, "credentials_expire_in") == 3'600'000));
    CHECK((metric(keys, 0, "credentials_failures_in_a_row") == 2 && metric(keys, 0, "credentials_failures") == 7));
    CHECK(boost::json::parse(keys.at(0)).at("source") == "instance");
    CHECK_FALSE(has(metrics.report("none", aws::credentials_snapshot{}, incident).at(0), "credentials_age"));
}

TEST_CASE("what is not known is left out, and what has no name has no dimension", "[aws]") {
    aws::emf_reporter metrics;
    const std::string pool = metrics.report("", pool_snapshot{}, incident).at(0);
    CHECK_FALSE((has(pool, "queue_wait_p99") || has(pool, "last_connect_error") || has(pool, "pool") ||
                 has(pool, "application")));
    const std::string breaker = metrics.report("", breaker_snapshot{}, incident).at(0);
    CHECK_FALSE((has(breaker, "breaker_failure_ratio") || has(breaker, "mode") || has(breaker, "last_error")));
    const std::string odd = metrics.report("gr\xc3\xb6\xc3\x9f\x65\n", pool_snapshot{}, incident).at(0);
    CHECK(boost::json::parse(odd).at("pool") == "gr????e?");
    CHECK(metrics.report("x", payment_snapshot{}, incident).size() == 4);
    CHECK(metrics.report("", payment_snapshot{}, incident).size() == 4);
    CHECK_THROWS_AS(aws::emf_reporter({.name_space = "a b"}), std::invalid_argument);
}
