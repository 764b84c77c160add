// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"

#include <kedge/log/database_error.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/log/payment_error.hpp>
#include <kedge/testing/recording_sink.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <string>

using namespace kedge::log;
using namespace std::chrono_literals;
using kedge::errc;

namespace {

std::string last(const memory_sink& sink) { return sink.events().back(); }

boost::asio::awaitable<void> process_payment(sink& to) {
    payment_error(to, errc::timed_out, 5000ms);
    co_return;
}

}  // namespace

TEST_CASE("the payment record of the incident, byte for byte", "[log][seed]") {
    memory_sink sink;
    payment_error(sink, {.error = errc::timed_out,
                         .limit = 5000ms,
                         .place = {"/app/payment_handler.py", 67, "process_payment"},
                         .source_line = "response = payment_client.charge(amount)"});
    CHECK(sink.events().at(0) == "[ERROR] Payment service connection failed - timeout after 5000ms\n"
                                 "Traceback (most recent call last):\n"
                                 "  File \"/app/payment_handler.py\", line 67, in process_payment\n"
                                 "    response = payment_client.charge(amount)\n"
                                 "ConnectionError: HTTPSConnectionPool timeout");
}

TEST_CASE("the database record of the incident, byte for byte", "[log][seed]") {
    memory_sink sink;
    database_error(sink, errc::pool_exhausted);
    CHECK(sink.events().at(0) == "[ERROR] Database query failed: connection pool exhausted");
}

TEST_CASE("in live use the place is the caller's and the source line is left out", "[log]") {
    memory_sink sink;
    payment_error(sink, errc::timed_out, 250ms);
    const auto line = std::to_string(__LINE__ - 1);
    std::string text = last(sink);
    text.erase(text.find(" in "), text.find('\n', text.find(" in ")) - text.find(" in "));  // Catch's own function
    CHECK(text == "[ERROR] Payment service connection failed - timeout after 250ms\nTraceback (most recent call last):\n"
                  "  File \"" __FILE__ "\", line " + line + ",\nConnectionError: HTTPSConnectionPool timeout");
}

TEST_CASE("a coroutine has the name that its author gave it", "[log]") {
    memory_sink sink;
    boost::asio::io_context io;
    boost::asio::co_spawn(io, process_payment(sink), boost::asio::detached);
    io.run();
    CHECK(last(sink).find(", in process_payment\n") != std::string::npos);
}

TEST_CASE("an error that is no timeout is named as what it is", "[log]") {
    memory_sink sink;
    payment_error(sink, boost::asio::error::connection_refused, 5000ms);
    CHECK(last(sink).starts_with("[ERROR] Payment service connection failed - Connection refused\n"));
    CHECK(last(sink).ends_with("\nConnectionError: Connection refused"));
    payment_error(sink, errc::deadline_exceeded, 0ms);
    CHECK(last(sink).starts_with("[ERROR] Payment service connection failed - timeout\n"));
}

TEST_CASE("fields tell machines what the report knows", "[log]") {
    kedge::testing::recording_sink sink;
    kedge::call_report report;
    report.attempts = 2;
    report.pool.used = report.pool.max = 20;
    report.pool.waiting = 7;
    report.said.set("53300", "too many connections");
    database_error(sink, {.error = errc::pool_exhausted, .report = &report});
    const auto one = sink.records().at(0);
    CHECK(one.logger == "kedge.database");
    CHECK(one.severity == level::error);
    CHECK(one.error == errc::pool_exhausted);
    REQUIRE(one.fields.size() == 7);
    CHECK(one.fields[1].first == "pool_used");
    CHECK(std::get<std::int64_t>(one.fields[1].second) == 20);
    CHECK(std::get<std::string>(one.fields[6].second) == "too many connections");
}
