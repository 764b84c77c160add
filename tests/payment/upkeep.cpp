// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace kedge;
using namespace std::chrono_literals;

namespace {

struct house {
    testing::simulation sim;
    std::shared_ptr<testing::scripted_exchange> provider = std::make_shared<testing::scripted_exchange>(sim);
    std::vector<health> heard;
    payment_client client = make();

    payment_client make() {
        payment_options o{.max_retries = 0};
        o.on_event = [this](const event& what) noexcept {
            if (const auto* changed = std::get_if<health_changed>(&what)) heard.push_back(changed->to);
        };
        return payment_client(sim, o, std::make_shared<payment::memory_journal>(), provider);
    }
    void charge(std::optional<payment_result>& into) {
        client.async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")),
                            [&](payment_result r) { into = std::move(r); });
    }
};

/// A client with its checks.
struct running : house {
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;

    running() {
        client.async_run(boost::asio::bind_cancellation_slot(stop.slot(), [this](error_code ec) {
            CHECK_FALSE(ended);
            ended = ec;
        }));
        CHECK_FALSE(ended);
    }
    ~running() {
        stop.emit(boost::asio::cancellation_type::terminal);
        sim.run();
    }

    payment_result charge() {
        std::optional<payment_result> end;
        house::charge(end);
        sim.run_until([&] { return end.has_value(); });
        return *end;
    }
    void fail_five() {
        for (int i = 0; i < 5; ++i) CHECK(charge().error() == boost::asio::error::connection_reset);
        REQUIRE(client.snapshot().charges.state == breaker_state::open);
    }
};

}  // namespace

TEST_CASE("a client cannot be made without journal or exchange") {
    testing::simulation sim;
    const auto exchange = std::make_shared<testing::scripted_exchange>(sim);
    CHECK_THROWS_AS(payment_client(sim, {}, nullptr, exchange), std::invalid_argument);
    CHECK_THROWS_AS(payment_client(sim, {}, std::make_shared<payment::memory_journal>(), nullptr), std::invalid_argument);
    CHECK_THROWS_AS(payment_client(sim, {.breaker_threshold = 0}, std::make_shared<payment::memory_journal>(), exchange),
                    std::invalid_argument);
}

TEST_CASE_METHOD(house, "health is asked for by hand, and counts like any check") {
    std::optional<payment::health_report> report;
    error_code error;
    const auto look = [&] {
        report.reset();
        client.async_health([&](error_code ec, payment::health_report h) { error = ec, report = h; });
        CHECK_FALSE(report);
        sim.run_until([&] { return report.has_value(); });
    };
    look();
    CHECK_FALSE(error);
    CHECK(report->state == health::up);
    CHECK(report->status == 200);
    CHECK(report->latency >= 80ms);
    CHECK(client.snapshot().health.state == health::up);
    provider->silent_until(sim.now() + 1h);
    look();
    CHECK(error == errc::timed_out);
    CHECK(report->state == health::down);
    CHECK(client.snapshot().health.state == health::up);  // one in three may be lost
    CHECK(client.snapshot().health.last_error == errc::timed_out);
    look();
    CHECK(client.snapshot().health.state == health::down);
    CHECK(heard == std::vector{health::up, health::down});
}

TEST_CASE_METHOD(house, "checks by hand wait for their turn, and end when their caller's time is over") {
    std::vector<std::pair<error_code, health>> ended;
    const auto keep = [&](error_code ec, payment::health_report h) { ended.emplace_back(ec, h.state); };
    provider->latency(1s);
    client.async_health(call{.deadline = sim.now() + 300ms}, keep);
    for (int i = 0; i < 18; ++i) client.async_health(keep);
    sim.run();
    REQUIRE(ended.size() == 19);
    using end = std::pair<error_code, health>;
    CHECK(std::count(ended.begin(), ended.end(), end(errc::limit_full, health::unknown)) == 2);
    CHECK(std::count(ended.begin(), ended.end(), end(errc::deadline_exceeded, health::unknown)) == 1);
    CHECK(std::count(ended.begin(), ended.end(), end(error_code(), health::up)) == 16);
    CHECK(client.snapshot().health.checks == 16);
    CHECK(sim.elapsed() >= 16s);
}

TEST_CASE_METHOD(running, "the monitor checks at once and every 30 s, until it is cancelled", "[seed]") {
    provider->away(sim.now() + 50s, sim.now() + 100s);
    sim.run_for(55s);
    CHECK(heard == std::vector{health::up});
    sim.run_for(45s);
    CHECK(heard == std::vector{health::up, health::down});
    CHECK(client.snapshot().health.state == health::down);
    sim.run_for(70s);
    CHECK(heard == std::vector{health::up, health::down, health::up});
    CHECK_FALSE(ended);
    const auto type = GENERATE(boost::asio::cancellation_type::terminal, boost::asio::cancellation_type::total);
    sim.run_for(GENERATE(0ms, 31'000ms));
    const auto before = sim.now();
    stop.emit(type);
    CHECK_FALSE(ended);
    sim.run();
    CHECK(*ended == boost::asio::error::operation_aborted);
    CHECK(sim.now() == before);
}

TEST_CASE_METHOD(running, "while the provider is away the checks keep the breaker open, and no customer has to try") {
    provider->away(sim.now() + 1s, sim.now() + 3min);
    sim.run_for(1s);
    fail_five();
    const auto tried = provider->arrivals().size();
    for (int i = 0; i < 170; ++i) {
        sim.run_for(1s);
        CHECK(client.snapshot().charges.state != breaker_state::closed);
    }
    sim.run_for(2min);  // it is back
    CHECK(client.snapshot().charges.state == breaker_state::half_open);
    CHECK(client.snapshot().health.state == health::degraded);
    CHECK(provider->arrivals().size() == tried);
    for (int i = 0; i < 3; ++i) CHECK(charge().outcome() == payment::outcome::succeeded);
    CHECK(client.snapshot().charges.state == breaker_state::closed);
    sim.run_for(40s);
    CHECK(client.snapshot().health.state == health::up);
}

TEST_CASE_METHOD(running, "a health endpoint that answers while charges fail closes nothing: one customer tries, not five") {
    sim.run_for(1s);
    provider->resets(1000);
    fail_five();
    sim.run_for(10s);
    const auto tried = provider->arrivals().size();
    int sent = 0;
    for (int i = 0; i < 60; ++i) {
        sent += charge().error() == boost::asio::error::connection_reset;
        sim.run_for(1s);
    }
    CHECK(sent >= 2);
    CHECK(sent <= 5);  // in a minute
    CHECK(provider->arrivals().size() == tried + static_cast<std::size_t>(sent));
}

TEST_CASE_METHOD(house, "a monitor ends with its client: shut down, or given up by everybody") {
    std::optional<error_code> ended, down;
    const auto when = GENERATE(40ms, 5000ms);  // during a check, during a wait
    SECTION("shut down") {
        client.async_run([&](error_code ec) { ended = ec; });
        sim.run_for(when);
        client.async_shutdown(sim.now() + 1s, [&](error_code ec) { down = ec; });
        CHECK_FALSE(ended);
        sim.run();
        CHECK(down == error_code());
        CHECK(ended == error_code());
        ended.reset();
        client.async_run([&](error_code ec) { ended = ec; });  // too late
        CHECK_FALSE(ended);
    }
    SECTION("given up") {
        {
            payment_client other(sim, {}, std::make_shared<payment::memory_journal>(), provider);
            other.async_run([&](error_code ec) { ended = ec; });
            sim.run_for(when);
        }
        CHECK_FALSE(ended);
    }
    sim.run();
    CHECK(ended == error_code());
    CHECK(sim.elapsed() <= when + 100ms);
}

TEST_CASE("a monitor whose context is destroyed is abandoned") {
    for (const auto when : {40ms, 5000ms}) {
        auto kept = std::make_shared<int>();
        boost::asio::cancellation_signal stop;
        std::optional<payment_client> client;
        {
            testing::simulation sim;
            client.emplace(sim, payment_options{}, std::make_shared<payment::memory_journal>(),
                           std::make_shared<testing::scripted_exchange>(sim));
            client->async_run(
                boost::asio::bind_cancellation_slot(stop.slot(), [kept](error_code) { FAIL("called"); }));
            sim.run_for(when);
        }
        CHECK(kept.use_count() == 1);
        client.reset();
    }
}

TEST_CASE_METHOD(house, "shutting down waits for what runs and refuses what comes") {
    std::optional<payment_result> running, late;
    std::optional<error_code> down;
    SECTION("and ends with the last call") {
        provider->silent_until(sim.now() + 3s);
        charge(running);
        client.async_shutdown(sim.now() + 20s, [&](error_code ec) { down = ec; });
        charge(late);
        sim.run();
        CHECK(running->outcome() == payment::outcome::succeeded);
        CHECK(late->outcome() == payment::outcome::not_sent);
        CHECK(late->error() == payment::errc::shut_down);
        CHECK_FALSE(*down);
        CHECK(sim.elapsed() < 4s);
    }
    SECTION("or when the time is up") {
        provider->never_answers(4);
        charge(running);
        client.async_shutdown(sim.now() + 2s, [&](error_code ec) { down = ec; });
        sim.run_until([&] { return down.has_value(); });
        CHECK(*down == errc::deadline_exceeded);
        CHECK_FALSE(running.has_value());
    }
    SECTION("at once when nothing runs") {
        client.async_shutdown(sim.now() + 2s, [&](error_code ec) { down = ec; });
        CHECK_FALSE(down.has_value());
        sim.run();
        CHECK_FALSE(*down);
        CHECK(sim.elapsed() == 0s);
    }
    CHECK(client.snapshot().shut_down);
}
