// SPDX-License-Identifier: BSL-1.0
// KEDGE_BYPASS: calls go straight through, with only the limit of an attempt.
#include "../support/catch.hpp"
#include "../support/scripted_client.hpp"

#include <kedge/config/clients.hpp>
#include <kedge/config/load.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <chrono>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using namespace kedge;

namespace {

config::configuration bypassing(const char* whom) {
    return config::load({.code = {{"BYPASS", whom},
                                  {"PAYMENT_SERVICE_URL", "https://h"},
                                  {"DATABASE_SERVICE_URL", "sqlite::memory:"}},
                         .process = config::environment(),
                         .folder = {}});
}

}  // namespace

TEST_CASE("bypassed payments: one attempt each, however many fail or run at a time, and their counters", "[seed]") {
    testing::simulation sim;
    const auto sink = std::make_shared<testing::recording_sink>();
    const auto provider = std::make_shared<testing::scripted_exchange>(sim);
    payment_options options = config::payment_options(bypassing("payment"));
    REQUIRE(options.bypass);
    options.sink = sink;
    payment_client client(sim, options, std::make_shared<payment::memory_journal>(), provider);
    const std::string said = "Calls of payment bypass retries, breaker and limit";
    const auto times_said = [&] {
        int times = 0;
        for (const auto& r : sink->records()) times += r.message == said;
        return times;
    };
    CHECK(times_said() == 1);
    int ended = 0;
    const auto charge = [&] {
        client.async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")), [&](payment_result r) {
            CHECK(r.report().attempts == 1);
            CHECK(r.report().history[0].latency <= 5000ms);
            ++ended;
        });
    };
    provider->never_answers(60);
    for (int i = 0; i < 60; ++i) charge();
    sim.run_for(1ms);
    CHECK(provider->arrivals().size() == 60);
    sim.run_for(10min);
    CHECK(ended == 60);
    CHECK(client.snapshot().charges.failures + client.snapshot().charges.failures_in_a_row > 0);
    CHECK(times_said() == 1);
    charge();
    sim.run_for(1min);
    CHECK(ended == 61);
    CHECK(provider->arrivals().size() == 61);
    sim.run_for(1h);
    charge();
    charge();
    sim.run_for(1min);
    CHECK(times_said() == 2);
}

TEST_CASE("a bypassed database: one attempt each, however many have failed", "[seed]") {
    testing::simulation sim;
    testing::scripted_server server;
    const auto sink = std::make_shared<testing::recording_sink>();
    database_options options = config::database_options(bypassing("database"));
    REQUIRE(options.bypass);
    options.url = server.url();
    options.sink = sink;
    database_client<testing::scripted_connection> client(sim, options);
    const std::string said = "Calls of database bypass retries and breaker";
    CHECK(sink->count(said) == 1);
    server.fail("select", boost::asio::error::connection_reset, 30);
    int reset = 0, well = 0;
    for (int i = 0; i < 31; ++i) {
        client.async_query("select 1", params(), {.repeating = repeat::harmless},
                           [&](error_code ec, rows) { ++(ec == boost::asio::error::connection_reset ? reset : well); });
        sim.run_for(1s);
    }
    CHECK(reset == 30);
    CHECK(well == 1);
    CHECK(sink->count(said) == 1);
    sim.run_for(1h);
    for (int i = 0; i < 2; ++i) client.async_query("select 1", params(), [&](error_code, rows) { ++well; });
    sim.run_for(1s);
    CHECK(well == 3);
    CHECK(sink->count(said) == 2);
}

TEST_CASE("only who is named is bypassed") {
    CHECK_FALSE(config::database_options(bypassing("payment")).bypass);
    CHECK_FALSE(config::payment_options(bypassing("database")).bypass);
    CHECK_FALSE(payment_options{}.bypass);
    CHECK_FALSE(database_options{}.bypass);
}
