// SPDX-License-Identifier: BSL-1.0
// What became of it: one look at the end of a charge, and reconciliation for as long as it takes.
#include "shop.hpp"

using namespace payment_test;

namespace {

/// A charge whose reply was lost, and that found nobody to ask.
struct lost : shop {
    std::vector<payment_alarm_cause> alarms;
    std::string alarmed;
    payment_client payments = client(options());

    payment_options options() {
        payment_options o{.max_retries = 0};
        o.on_event = [this](const event& what) noexcept {
            if (const auto* alarm = std::get_if<payment_alarm>(&what)) {
                alarms.push_back(alarm->cause);
                alarmed = alarm->key;
            }
        };
        return o;
    }
    void lose(bool executed) {
        provider->resets(1, executed);
        nobody_can_be_asked();
        REQUIRE(charge(payments).outcome() == outcome::unknown);
        front->answers = nullptr;
        front->asked.clear();
    }
    static std::function<payment::response(const payment::request&)> says(int status, std::string body = {}) {
        return [=](const payment::request&) { return payment::response{status, {}, body}; };
    }
    std::string body(const std::string& state, const std::string& amount = "19.90") const {
        return R"({"id":"ch_1","status":")" + state + R"(","amount":")" + amount +
               R"(","currency":"EUR","idempotency_key":")" + key.text() + "\"}";
    }
    outcome journaled() const {
        outcome is = outcome::not_sent;
        journal->find(key, [&](error_code, std::optional<payment::entry> e) { is = e.value().outcome; });
        return is;
    }
};

}  // namespace

TEST_CASE_METHOD(shop, "before a charge says that nobody knows, it asks once") {
    auto payments = client({.max_retries = 0});
    provider->resets(1, true);
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::succeeded);
    CHECK(r.reconciled());
    CHECK_FALSE(r.error());
    CHECK(r.provider_id() == "ch_order-47");
    CHECK(r.amount() == money::parse("19.90", "EUR"));
    CHECK(r.report().attempts == 1);
    CHECK(front->asked.size() == 1);
    CHECK(provider->arrivals().size() == 1);
    CHECK(journal->open_intents().empty());
}

TEST_CASE_METHOD(lost, "what was executed is found at once, and settled in the journal") {
    lose(true);
    const auto r = reconcile(payments);
    CHECK(r.outcome() == outcome::succeeded);
    CHECK(r.reconciled());
    CHECK(r.recorded());
    CHECK_FALSE(r.error());
    CHECK(r.report().attempts == 1);
    CHECK(journaled() == outcome::succeeded);
    CHECK(provider->arrivals().size() == 1);
    CHECK(sim.elapsed() < 1s);
    CHECK(reconcile(payments).from_journal());
}

TEST_CASE_METHOD(lost, "not found proves nothing until everything has arrived or is lost") {
    lose(false);
    const auto r = reconcile(payments);
    CHECK(r.outcome() == outcome::not_sent);
    CHECK(r.error() == payment::errc::not_found);
    CHECK(journaled() == outcome::not_sent);
    CHECK(sim.elapsed() >= 27s + 60s);  // the last byte, and `settle_after`
    CHECK(sim.elapsed() < 4min);
    CHECK(alarms.empty());
    REQUIRE(front->asked.size() > 4);
    for (std::size_t i = 1; i < front->asked.size(); ++i) {
        const nanoseconds full = 2s * (1 << (i - 1)), waited = front->asked[i] - front->asked[i - 1] - 80ms;
        CHECK(waited >= full / 2);
        CHECK(waited <= full);
    }
}
