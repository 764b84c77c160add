// SPDX-License-Identifier: BSL-1.0
#pragma once

// The column `payment_client`: each call is a charge with a key of its own.

#include "world.hpp"

#include <kedge/payment_client.hpp>

#include <memory>
#include <string>
#include <utility>

namespace survival {

/// Charges of one amount, and questions what became of them, reach the dependency as requests.
class payment_end final : public kedge::payment::exchange {
public:
    explicit payment_end(dependency& to) : to_(to) {}

    static kedge::charge_request charge(std::uint64_t call) {
        return kedge::charge_request(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok_visa"))
            .key(kedge::idempotency_key("order-" + std::to_string(first_order + call)));
    }

    void start(const kedge::payment::request& what, const kedge::attempt& of,
               kedge::payment::exchange_handler handler) override {
        const std::string key = key_of(what);
        const answer said = to_.ask(std::stoull(key.substr(6)) - first_order, of.number);
        kedge::async_sleep(to_.sim, said.after, waiting{std::move(handler), said.error, key});
    }

private:
    static constexpr std::uint64_t first_order = 10'000'000'000;

    static std::string key_of(const kedge::payment::request& what) {
        for (const auto& field : what.headers)
            if (field.name == "Idempotency-Key") return field.value;
        return what.target.substr(what.target.find('=') + 1);
    }

    struct waiting {
        kedge::payment::exchange_handler next;
        error_code error;
        std::string key;

        using executor_type = kedge::payment::exchange_handler::executor_type;
        using cancellation_slot_type = kedge::payment::exchange_handler::cancellation_slot_type;
        executor_type get_executor() const noexcept { return next.get_executor(); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return next.get_cancellation_slot(); }

        void operator()(const error_code& stopped) {
            using kedge::payment::send_phase;
            if (stopped || error) return next(stopped ? stopped : error, {}, send_phase::complete);
            next({}, {201, {}, R"({"id":"ch_1","status":"succeeded","amount":"19.90","currency":"EUR","idempotency_key":")" +
                                   key + "\"}"},
                 send_phase::response_done);
        }
    };

    dependency& to_;
};

inline client payment_client(dependency& to, int) {
    kedge::payment_client payments(to.sim, {.on_event = to.watch()}, std::make_shared<kedge::payment::memory_journal>(),
                                   std::make_shared<payment_end>(to));
    return [&to, payments](std::uint64_t call, ended done) mutable {
        const kedge::call limits{.deadline = to.deadline(call)};
        payments.async_charge(payment_end::charge(call), limits, [done = std::move(done)](const kedge::payment_result& r) {
            const bool charged = r.outcome() == kedge::payment::outcome::succeeded;
            done(charged ? error_code() : r.error());
        });
    };
}

}  // namespace survival
