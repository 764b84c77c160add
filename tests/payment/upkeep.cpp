// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <memory>
#include <optional>
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
        payment_options o;
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

}  // namespace

TEST_CASE("a client cannot be made without journal or exchange") {
    testing::simulation sim;
    const auto exchange = std::make_shared<testing::scripted_exchange>(sim);
    CHECK_THROWS_AS(payment_client(sim, {}, nullptr, exchange), std::invalid_argument);
    CHECK_THROWS_AS(payment_client(sim, {}, std::make_shared<payment::memory_journal>(), nullptr), std::invalid_argument);
    CHECK_THROWS_AS(payment_client(sim, {.breaker_threshold = 0}, std::make_shared<payment::memory_journal>(), exchange),
                    std::invalid_argument);
}

TEST_CASE_METHOD(house, "health is asked for once, and kept") {
    std::optional<payment::health_report> report;
    error_code error;
    const auto look = [&] {
        report.reset();
        client.async_health([&](error_code ec, payment::health_report h) { error = ec, report = h; });
        sim.run_until([&] { return report.has_value(); });
    };
    look();
    CHECK_FALSE(error);
    CHECK(report->state == health::up);
    CHECK(report->status == 200);
    CHECK(report->latency >= 80ms);
    provider->silent_until(sim.now() + 1h);
    look();
    CHECK(error == errc::timed_out);
    CHECK(client.snapshot().last_health.state == health::down);
    CHECK(heard == std::vector{health::up, health::down});
}

TEST_CASE_METHOD(house, "the monitor checks at once and every 30 s, until it is cancelled", "[seed]") {
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    provider->away(sim.now() + 50s, sim.now() + 100s);
    client.async_run(boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code ec) { ended = ec; }));
    sim.run_for(55s);
    CHECK(heard == std::vector{health::up});
    sim.run_for(10s);
    CHECK(heard == std::vector{health::up, health::down});
    sim.run_for(60s);
    CHECK(heard == std::vector{health::up, health::down, health::up});
    CHECK_FALSE(ended.has_value());
    stop.emit(boost::asio::cancellation_type::terminal);
    sim.run();
    CHECK(*ended == boost::asio::error::operation_aborted);
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
