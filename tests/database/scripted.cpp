// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"
#include "../support/scripted_client.hpp"

#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <memory>
#include <optional>

using namespace kedge;
using namespace std::chrono_literals;
using testing::scripted_connection;

namespace {

struct fixture {
    testing::simulation sim;
    testing::scripted_server server;
    testing::scripted_connector to{server.url()};
    std::unique_ptr<scripted_connection> c = to.create(sim.get_executor());

    error_code connect() {
        std::optional<error_code> ended;
        to.async_connect(*c, [&](error_code ec) { ended = ec; });
        sim.run_until([&] { return ended.has_value(); });
        return *ended;
    }
    error_code query(sql_text text) {
        std::optional<error_code> ended;
        c->async_query(std::move(text), {}, [&](error_code ec, rows) { ended = ec; });
        sim.run_until([&] { return ended.has_value(); });
        return *ended;
    }
};

}  // namespace

TEST_CASE_METHOD(fixture, "a scripted statement takes its time, virtually") {
    server.connect_takes(10ms).query_takes(1h);
    const time_point start = sim.now();
    CHECK_FALSE(connect());
    CHECK_FALSE(query("select 1"));
    CHECK(sim.now() - start >= 1h + 10ms);
    CHECK(sim.now() - start < 1h + 20ms);
    CHECK(c->state() == reuse::clean);
}

TEST_CASE_METHOD(fixture, "a scripted server goes away and comes back") {
    server.query_takes(10s);
    REQUIRE_FALSE(connect());
    const time_point start = sim.now();
    server.away(start + 3s, start + 60s);
    CHECK(query("select 1") == boost::asio::error::connection_reset);
    CHECK(sim.now() - start < 4s);
    CHECK(c->state() == reuse::broken);
    c = to.create(sim.get_executor());
    CHECK(connect() == boost::asio::error::connection_refused);
    CHECK(server.refused() == 1);
    sim.run_for(60s);
    c = to.create(sim.get_executor());
    CHECK_FALSE(connect());
    CHECK_FALSE(query("select 1"));
    CHECK(server.open() == 1);
}

TEST_CASE_METHOD(fixture, "a cancelled scripted statement leaves its server busy until it would have ended") {
    server.query_takes(10s);
    REQUIRE_FALSE(connect());
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    c->async_query("begin", {}, boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, rows) { ended = ec; }));
    sim.run_for(1s);
    const time_point start = sim.now();
    stop.emit(boost::asio::cancellation_type::terminal);
    sim.run_until([&] { return ended.has_value(); });
    CHECK(ended == error_code(boost::asio::error::operation_aborted));
    CHECK(sim.now() - start < 10ms);
    CHECK(c->state() == reuse::needs_reset);
    ended.reset();
    to.async_reset(*c, [&](error_code ec) { ended = ec; });
    sim.run_until([&] { return ended.has_value(); });
    CHECK(ended == error_code());
    CHECK(sim.now() - start >= 9s);
    CHECK(c->state() == reuse::clean);
}

TEST_CASE("a scripted URL names a server that exists") {
    CHECK_THROWS_AS(testing::scripted_connector("scripted:nobody"), std::invalid_argument);
    CHECK_THROWS_AS(testing::scripted_connector("sqlite:shop.db"), std::invalid_argument);
}

TEST_CASE("the record of a failed query has the simulation's date, not 1970") {
    const std::chrono::system_clock::time_point deployment{std::chrono::sys_days{std::chrono::October / 26 / 2025} + 15h};
    testing::simulation sim(1, deployment);
    testing::scripted_server server;
    server.query_takes(1h);
    const auto sink = std::make_shared<testing::recording_sink>();
    database_client<scripted_connection> db(sim, {.url = server.url(), .query_timeout = 10s, .sink = sink});
    db.async_query("select 1", {}, [](error_code, rows) {});
    sim.run();
    REQUIRE(sink->records().size() == 1);
    CHECK(sink->records()[0].time == deployment + 10s);
}
