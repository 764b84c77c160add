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

TEST_CASE_METHOD(shop, "of its 30 s a charge keeps 3 for that look, and of less time a tenth") {
    auto payments = client({.attempt_timeout = 9s});
    provider->never_answers(10);
    SECTION("which is answered") {
        CHECK(charge(payments).outcome() == outcome::unknown);
        REQUIRE(front->asked.size() == 1);
        CHECK(sim.elapsed() >= 27s);
        CHECK(sim.elapsed() < 27s + 200ms);
    }
    SECTION("which is not") {
        provider->silent_until(sim.now() + 1h);
        CHECK(charge(payments).outcome() == outcome::unknown);
        CHECK(front->asked.size() == 1);
        CHECK(sim.elapsed() >= 30s);
        CHECK(sim.elapsed() < 30s + 100ms);
    }
    SECTION("of two seconds") {
        const auto r = charge(payments, call{.deadline = sim.now() + 2s});
        CHECK(r.error() == errc::deadline_exceeded);
        REQUIRE(front->asked.size() == 1);
        CHECK(sim.elapsed() >= 1800ms);
        CHECK(sim.elapsed() < 1800ms + 100ms);
    }
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

TEST_CASE_METHOD(lost, "what is decided later is found later, and stays decided") {
    lose(true);
    questions_get(200, body("pending"));
    std::optional<payment_result> end;
    payments.async_reconcile(key, [&](payment_result r) { end = std::move(r); });
    sim.run_for(1min);
    CHECK(journaled() == outcome::pending);
    questions_get(404);  // a provider that forgot what it has just said proves nothing
    sim.run_for(10min);
    CHECK_FALSE(end);
    questions_get(200, body("declined"));
    sim.run();
    REQUIRE(end);
    CHECK(end->outcome() == outcome::declined);
    CHECK(end->error() == payment::errc::declined);
    CHECK(journaled() == outcome::declined);
    CHECK(alarms.empty());
    journal->settle({key, outcome::unknown, {}}, [](error_code) {});
    CHECK(journaled() == outcome::declined);
}

TEST_CASE_METHOD(lost, "an answer about another amount never settles, and is a person's after two looks") {
    lose(true);
    questions_get(200, body("succeeded", "19.91"));
    const auto r = reconcile(payments);
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == payment::errc::foreign_answer);
    CHECK(front->asked.size() == 2);
    CHECK(alarms == std::vector{payment_alarm_cause::manual_review});
    CHECK(alarmed == key.text());
    CHECK(journaled() == outcome::unknown);
}

TEST_CASE_METHOD(lost, "within its deadline: unknown is no alarm yet") {
    lose(false);
    SECTION("nobody answers") {
        nobody_can_be_asked();
        const auto r = reconcile(payments, call{.deadline = sim.now() + 40s});
        CHECK(r.error() == payment::errc::unavailable);
        CHECK(r.report().stopped_by == stage::total_timeout);
        CHECK(r.outcome() == outcome::unknown);
    }
    SECTION("one look") {
        const auto r = reconcile(payments, call{.repeating = repeat::forbidden});
        CHECK(r.error() == payment::errc::not_found);
        CHECK(r.outcome() == outcome::unknown);
        CHECK(front->asked.size() == 1);
    }
    CHECK(sim.elapsed() <= 41s);
    CHECK(alarms.empty());
    CHECK(journaled() == outcome::unknown);
}

TEST_CASE_METHOD(lost, "what nobody can find out any more is a person's") {
    lose(false);
    SECTION("since nobody answered for as long as the provider knows the key") {
        nobody_can_be_asked();
        const auto r = reconcile(payments);
        CHECK(r.outcome() == outcome::unknown);
        CHECK(r.error() == payment::errc::unavailable);
        CHECK(sim.elapsed() >= 21h + 36min);
        CHECK(sim.elapsed() < 21h + 42min);
        CHECK(front->asked.size() < 600);
    }
    SECTION("since the provider may have forgotten the key: not found proves nothing then") {
        sim.run_for(22h);
        const auto r = reconcile(payments);
        CHECK(r.outcome() == outcome::unknown);
        CHECK(r.error() == payment::errc::not_found);
        CHECK(front->asked.size() == 1);
    }
    CHECK(alarms == std::vector{payment_alarm_cause::manual_review});
    CHECK(journal->open_intents().size() == 1);
}

TEST_CASE_METHOD(lost, "a 404 of something in front of the provider proves nothing, however late") {
    lose(true);
    sim.run_for(10min);
    const std::string said = GENERATE(as<std::string>(), "", "<html>Not Found</html>", R"({"message":"no route"})",
                                      R"({"error":{"code":"no_such_route","message":"…"}})");
    questions_get(404, said);
    const auto r = reconcile(payments, call{.deadline = sim.now() + 1h});
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == payment::errc::not_found);
    CHECK(journaled() == outcome::unknown);
}

TEST_CASE_METHOD(lost, "a key that the journal does not know is never proved absent") {
    const auto r = reconcile(payments, call{.deadline = sim.now() + 1h});
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == payment::errc::not_found);
    CHECK(alarms.empty());
}

TEST_CASE_METHOD(lost, "questions have a breaker and a budget of their own") {
    lose(true);
    provider->refuses(4);  // the lost one was the first of five
    const charge_request other(money::parse("1.00", "EUR"), card_token(canary));
    for (int i = 0; i < 4; ++i) CHECK(charge(payments, other).outcome() == outcome::not_sent);
    REQUIRE(payments.snapshot().charges.state == breaker_state::open);
    CHECK(reconcile(payments).outcome() == outcome::succeeded);

    provider->resets(1, false);
    sim.run_for(1min);
    nobody_can_be_asked();
    key = idempotency_key("order-4712-2025-10-26");
    REQUIRE(charge(payments).outcome() == outcome::unknown);
    const double before = payments.snapshot().retries.tokens;
    CHECK(reconcile(payments, call{.deadline = sim.now() + 10min}).outcome() == outcome::unknown);
    CHECK(payments.snapshot().reads.state != breaker_state::closed);
    CHECK(payments.snapshot().retries.tokens >= before);
    front->answers = nullptr;
    CHECK(reconcile(payments).outcome() == outcome::not_sent);  // its own breaker is only a wait
}

TEST_CASE_METHOD(lost, "between looks the key is free, and what another call finds out counts") {
    lose(true);
    nobody_can_be_asked();
    std::optional<payment_result> end;
    payments.async_reconcile(key, [&](payment_result r) { end = std::move(r); });
    sim.run_for(1s);
    CHECK(charge(payments).outcome() == outcome::succeeded);
    front->asked.clear();
    sim.run();
    CHECK(end->outcome() == outcome::succeeded);
    CHECK(end->from_journal());
    CHECK(front->asked.empty());
    CHECK(provider->charged(key.text()) == 1);
}

TEST_CASE_METHOD(lost, "during a look the key is taken; while a charge has it, a look waits") {
    lose(true);
    std::optional<payment_result> looking, charging;
    SECTION("the look is first") {
        payments.async_reconcile(key, [&](payment_result r) { looking = std::move(r); });
        sim.run_for(10ms);
        payments.async_charge(request(), [&](payment_result r) { charging = std::move(r); });
        sim.run();
        CHECK(charging->error() == payment::errc::key_in_use);
        CHECK(charging->outcome() == outcome::unknown);
    }
    SECTION("the charge is first") {
        provider->latency(1s);
        payments.async_charge(request(), [&](payment_result r) { charging = std::move(r); });
        payments.async_reconcile(key, [&](payment_result r) { looking = std::move(r); });
        sim.run();
        CHECK(charging->outcome() == outcome::succeeded);
        CHECK(looking->from_journal());
    }
    CHECK(looking->outcome() == outcome::succeeded);
    CHECK(provider->charged(key.text()) == 1);
}

TEST_CASE_METHOD(lost, "after a restart the open intents are settled one by one, charges and refunds") {
    lose(true);
    const idempotency_key of_refund("refund-4711-2025-10-26");
    provider->resets(1, true);
    nobody_can_be_asked();
    const auto part = money::parse("5.00", "EUR");
    REQUIRE(refund(payments, refund_request::of_key(key).amount(part).key(of_refund)).outcome() == outcome::unknown);
    front->answers = nullptr;
    front->heard.clear();

    auto restarted = client();
    REQUIRE(journal->open_intents().size() == 2);
    for (const payment::intent& open : journal->open_intents()) {
        key = open.key;
        const auto r = reconcile(restarted);
        CHECK(r.outcome() == outcome::succeeded);
        CHECK(r.amount() == open.amount);
    }
    CHECK(journal->open_intents().empty());
    REQUIRE(front->heard.size() == 2);
    CHECK(front->heard[0].target == "/v1/charges?idempotency_key=order-4711-2025-10-26");
    CHECK(front->heard[1].target == "/v1/refunds?idempotency_key=refund-4711-2025-10-26");
}

TEST_CASE_METHOD(lost, "a key is not sent again when the provider may have forgotten it") {
    lose(true);
    sim.run_for(21h + 40min);
    SECTION("but asked about") { CHECK(charge(payments).outcome() == outcome::succeeded); }
    SECTION("and if nobody answers, it is unknown, and a new try would be a new payment") {
        nobody_can_be_asked();
        const auto late = charge(payments);
        CHECK(late.outcome() == outcome::unknown);
        CHECK(late.error() == payment::errc::key_expired);
        CHECK_FALSE(late.retry_with_same_key());
    }
    CHECK(provider->arrivals().size() == 1);
}

TEST_CASE_METHOD(shop, "a key that one client of a journal works with is taken for its other clients") {
    auto here = client(), elsewhere = client();
    std::optional<payment_result> first, second;
    here.async_charge(request(), [&](payment_result r) { first = std::move(r); });
    elsewhere.async_charge(request(), [&](payment_result r) { second = std::move(r); });
    sim.run();
    REQUIRE((first.has_value() && second.has_value()));
    CHECK(first->outcome() == outcome::succeeded);
    CHECK(second->error() == payment::errc::key_in_use);
    CHECK(provider->arrivals().size() == 1);
    CHECK(charge(elsewhere).from_journal());
}
