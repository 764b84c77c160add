// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"

#include <kedge/payment_client.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

using namespace kedge;
using namespace std::chrono_literals;
using payment::outcome;

namespace payment_test {

const std::string canary = "tok_canary_5f0c1d";

struct shop {
    testing::simulation sim;
    std::shared_ptr<testing::scripted_exchange> provider = std::make_shared<testing::scripted_exchange>(sim);
    std::shared_ptr<payment::journal> journal = std::make_shared<payment::memory_journal>();
    std::shared_ptr<testing::recording_sink> sink = std::make_shared<testing::recording_sink>();
    idempotency_key key{"order-4711-2025-10-26"};

    payment_client client(payment_options o = {}) {
        o.sink = sink;
        return payment_client(sim, o, journal, provider);
    }
    charge_request request() const {
        return charge_request(money::parse("19.90", "EUR"), card_token(canary)).reference("order 4711").key(key);
    }
    payment_result charge(payment_client& with, call c = {}) { return charge(with, request(), c); }
    payment_result charge(payment_client& with, charge_request what, call c = {}) {
        std::optional<payment_result> ended;
        with.async_charge(std::move(what), c, [&](payment_result r) { ended = std::move(r); });
        REQUIRE_FALSE(ended.has_value());  // never inside the initiating function
        sim.run_until([&] { return ended.has_value(); });
        return *ended;
    }
    payment_result status(payment_client& with) {
        std::optional<payment_result> ended;
        with.async_status(key, [&](payment_result r) { ended = std::move(r); });
        sim.run_until([&] { return ended.has_value(); });
        return *ended;
    }
    std::string logged() const {
        std::string all;
        for (const auto& r : sink->records()) all += r.message + r.exception + r.source_line;
        return all;
    }
};

}  // namespace payment_test
