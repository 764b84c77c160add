// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace kedge;
using namespace std::chrono_literals;
using payment::outcome;

namespace payment_test {

const std::string canary = "tok_canary_5f0c1d";

/// Between client and provider: hears all requests, and answers itself what it is told to.
struct desk final : payment::exchange {
    struct reply {
        payment::response said{};
        error_code error{};
        payment::send_phase phase = payment::send_phase::response_done;
    };

    desk(testing::simulation& s, std::shared_ptr<payment::exchange> b) : sim(s), behind(std::move(b)) {}

    static bool is_question(const payment::request& what) { return what.method == "GET" && what.target != "/health"; }

    void start(const payment::request& what, const attempt& of, payment::exchange_handler handler) override {
        heard.push_back(what);
        if (is_question(what)) asked.push_back(sim.now());
        std::optional<reply> own = answers ? answers(what) : std::nullopt;
        if (!own) return behind->start(what, of, std::move(handler));
        const auto ex = handler.get_executor();
        auto give = [own, handler = std::move(handler)]() mutable { handler(own->error, own->said, own->phase); };
        boost::asio::post(ex, std::move(give));
    }

    testing::simulation& sim;
    std::shared_ptr<payment::exchange> behind;
    std::function<std::optional<reply>(const payment::request&)> answers{};
    std::vector<time_point> asked{};  ///< when, for a payment
    std::vector<payment::request> heard{};
};

struct shop {
    testing::simulation sim;
    std::shared_ptr<testing::scripted_exchange> provider = std::make_shared<testing::scripted_exchange>(sim);
    std::shared_ptr<desk> front = std::make_shared<desk>(sim, provider);
    std::shared_ptr<payment::journal> journal = std::make_shared<payment::memory_journal>();
    std::shared_ptr<testing::recording_sink> sink = std::make_shared<testing::recording_sink>();
    idempotency_key key{"order-4711-2025-10-26"};

    payment_client client(payment_options o = {}) {
        o.sink = sink;
        return payment_client(sim, o, journal, front);
    }
    charge_request request() const {
        return charge_request(money::parse("19.90", "EUR"), card_token(canary)).reference("order 4711").key(key);
    }
    payment_result charge(payment_client& with, call c = {}) { return charge(with, request(), c); }
    payment_result charge(payment_client& with, charge_request what, call c = {}) {
        return ended([&](auto take) { with.async_charge(std::move(what), c, std::move(take)); });
    }
    payment_result refund(payment_client& with, refund_request what, call c = {}) {
        return ended([&](auto take) { with.async_refund(std::move(what), c, std::move(take)); });
    }
    payment_result status(payment_client& with) {
        return ended([&](auto take) { with.async_status(key, std::move(take)); });
    }
    payment_result reconcile(payment_client& with, call c = {}) {
        return ended([&](auto take) { with.async_reconcile(key, c, std::move(take)); });
    }
    template <class Start> payment_result ended(Start start) {
        std::optional<payment_result> end;
        start([&](payment_result r) { end = std::move(r); });
        REQUIRE_FALSE(end.has_value());  // never inside the initiating function
        sim.run_until([&] { return end.has_value(); });
        return *end;
    }
    void nobody_can_be_asked() { questions_get(503); }
    void questions_get(int status, const std::string& body = {}) {
        front->answers = [=](const payment::request& what) -> std::optional<desk::reply> {
            if (!desk::is_question(what)) return {};
            return desk::reply{{status, {}, body}};
        };
    }
    std::string body(const std::string& state, const std::string& amount = "19.90") const {
        return R"({"id":"ch_1","status":")" + state + R"(","amount":")" + amount +
               R"(","currency":"EUR","idempotency_key":")" + key.text() + "\"}";
    }
    std::string logged() const {
        std::string all;
        for (const auto& r : sink->records()) all += r.message + r.exception + r.source_line;
        return all;
    }
};

}  // namespace payment_test
