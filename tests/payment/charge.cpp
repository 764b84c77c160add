// SPDX-License-Identifier: BSL-1.0

#include "shop.hpp"

using namespace payment_test;

TEST_CASE_METHOD(shop, "a charge succeeds once and says with what key") {
    auto payments = client();
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::succeeded);
    CHECK_FALSE(r.error());
    CHECK(r.status() == 201);
    CHECK(r.provider_id() == "ch_order-47");
    CHECK(r.key() == key);
    CHECK(r.report().attempts == 1);
    CHECK(r.recorded());
    CHECK(provider->charged(key.text()) == 1);
    CHECK(journal->open_intents().empty());
    CHECK(payments.snapshot().in_flight == 0);
}

TEST_CASE_METHOD(shop, "a provider that is silent for 12 s charges once: one key, the same bytes", "[seed]") {
    auto payments = client();
    provider->silent_until(sim.now() + 12s);
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::succeeded);
    CHECK(sim.elapsed() >= 12s);
    CHECK(sim.elapsed() < 13s);
    REQUIRE(provider->arrivals().size() == 3);
    for (const auto& a : provider->arrivals()) {
        CHECK(a.key == key.text());
        CHECK(a.body == provider->arrivals().front().body);
    }
    CHECK(provider->charged(key.text()) == 1);
    CHECK(r.report().history[0].error == errc::timed_out);
    CHECK(r.report().history[0].phase == static_cast<int>(payment::send_phase::complete));
    CHECK(sink->records().empty());
}

TEST_CASE_METHOD(shop, "silence beyond the deadline: 5000 ms an attempt, 4 attempts, then unknown and one record", "[seed]") {
    auto payments = client();
    provider->never_answers(100);
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == errc::timed_out);
    CHECK(r.report().attempts == 4);
    CHECK(provider->arrivals().size() == 4);
    CHECK(r.report().history[0].latency >= 5000ms);
    CHECK(r.report().history[0].latency < 5010ms);
    REQUIRE(sink->records().size() == 1);
    CHECK(sink->records()[0].message == "Payment service connection failed - timeout after 5000ms");
    CHECK(sink->records()[0].exception == "ConnectionError: HTTPSConnectionPool timeout");
    REQUIRE(journal->open_intents().size() == 1);
    CHECK(journal->open_intents()[0].key == key);
}

TEST_CASE("the request's numbers are the defaults", "[seed]") {
    const payment_options o;
    CHECK(o.attempt_timeout == 5000ms);
    CHECK(o.max_retries == 3);
    CHECK(o.breaker_threshold == 5);
    CHECK(o.health_interval == 30s);
    CHECK(o.total_timeout == 30s);
    CHECK(o.connect_timeout == 5s);
    CHECK(std::is_same_v<PaymentClient, payment_client>);
}

TEST_CASE_METHOD(shop, "a reset after the bytes left is never called a failure") {
    const bool executed = GENERATE(false, true);
    auto payments = client({.max_retries = 0});
    provider->resets(1, executed);
    nobody_can_be_asked();
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == boost::asio::error::connection_reset);
    CHECK(provider->charged(key.text()) == (executed ? 1 : 0));
    CHECK(journal->open_intents().size() == 1);
    front->answers = nullptr;

    SECTION("and the same key settles it later") {
        const auto again = charge(payments);
        CHECK(again.outcome() == outcome::succeeded);
        CHECK(provider->charged(key.text()) == 1);
        CHECK(journal->open_intents().empty());
    }
    SECTION("a later attempt that was not sent does not undo it") {
        nobody_can_be_asked();
        provider->refuses(1);
        CHECK(charge(payments).outcome() == outcome::unknown);
    }
    SECTION("asking tells what happened, if it did") {
        const auto asked = status(payments);
        CHECK(asked.outcome() == (executed ? outcome::succeeded : outcome::unknown));
        CHECK(asked.error() == (executed ? error_code() : error_code(payment::errc::not_found)));
    }
}

TEST_CASE_METHOD(shop, "an answer from in front of the provider does not undo an ambiguous attempt") {
    const int code = GENERATE(400, 401, 403, 404, 422, 402);
    auto payments = client();
    nobody_can_be_asked();
    provider->resets(1, true).answers(code);
    const auto r = charge(payments);
    CHECK(r.report().attempts == 2);
    CHECK(r.outcome() == outcome::unknown);
    CHECK(provider->charged(key.text()) == 1);
}

TEST_CASE_METHOD(shop, "nobody listens: not sent") {
    auto payments = client();
    provider->refuses(100);
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::not_sent);
    CHECK(r.error() == boost::asio::error::connection_refused);
    CHECK(payments.snapshot().retries.tokens < 100 - 2);  // three were paid, and one comes back in a second
    CHECK(r.report().attempts == 4);
    CHECK(journal->open_intents().empty());
    CHECK(charge(payments).outcome() == outcome::not_sent);  // the key may be used again
}

TEST_CASE_METHOD(shop, "cancelled: what left makes it unknown, what did not makes it not sent") {
    const bool sent = GENERATE(true, false);
    sent ? provider->never_answers() : provider->never_connects();
    auto payments = client();
    boost::asio::cancellation_signal stop;
    std::optional<payment_result> ended;
    payments.async_charge(request(), boost::asio::bind_cancellation_slot(
                                         stop.slot(), [&](payment_result r) { ended = std::move(r); }));
    sim.run_for(1s);
    REQUIRE_FALSE(ended.has_value());
    stop.emit(boost::asio::cancellation_type::terminal);
    sim.run();
    REQUIRE(ended.has_value());
    CHECK(ended->outcome() == (sent ? outcome::unknown : outcome::not_sent));
    CHECK(ended->error() == boost::asio::error::operation_aborted);
    CHECK(sim.elapsed() < 1100ms);
    CHECK(sink->records().empty());
}

TEST_CASE_METHOD(shop, "503 with Retry-After is waited for, and too long a wait is the caller's") {
    auto payments = client();
    SECTION("two seconds") {
        provider->overloaded(2);
        CHECK(charge(payments).outcome() == outcome::succeeded);
        CHECK(sim.elapsed() >= 2s);
        CHECK(sim.elapsed() < 4s);
    }
    SECTION("until a moment, by our own clock where the answer tells no time") {
        provider->answers(503, {}, {{"Retry-After", "Thursday, 01-Jan-70 00:00:03 GMT"}});
        CHECK(charge(payments).outcome() == outcome::succeeded);
        CHECK(sim.elapsed() >= 3s);
        CHECK(sim.elapsed() < 4s);
    }
    SECTION("an hour") {
        provider->overloaded(3600);
        const auto r = charge(payments);
        CHECK(r.outcome() == outcome::unknown);
        CHECK(r.error() == payment::errc::unavailable);
        CHECK(r.report().retry_after >= 3600s);
        CHECK(sim.elapsed() < 1s);
    }
}

TEST_CASE_METHOD(shop, "a declined card is an answer: no retry, no record, no second request") {
    auto payments = client();
    provider->declines();
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::declined);
    CHECK(r.error() == payment::errc::declined);
    CHECK(r.status() == 402);
    CHECK(r.report().attempts == 1);
    CHECK(std::string(r.report().said.text()) == "card_declined: no money");
    CHECK(sink->records().empty());
    const auto again = charge(payments);
    CHECK(again.outcome() == outcome::declined);
    CHECK(again.from_journal());
    CHECK(provider->arrivals().size() == 1);
}

TEST_CASE_METHOD(shop, "five failures open the breaker, and its refusal sends nothing", "[seed]") {
    auto payments = client({.max_retries = 0});
    provider->refuses(5);
    for (int i = 0; i < 5; ++i)
        CHECK(charge(payments, charge_request(money::parse("1.00", "EUR"), card_token(canary))).outcome() == outcome::not_sent);
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::not_sent);
    CHECK(r.error() == errc::circuit_open);
    CHECK(provider->arrivals().size() == 5);
    CHECK(payments.snapshot().charges.state == breaker_state::open);
    CHECK(status(payments).error() == payment::errc::not_found);  // questions have a breaker of their own
}

TEST_CASE_METHOD(shop, "an answer about something else, or garbage, settles nothing and is asked for once more") {
    const std::string body = GENERATE(
        as<std::string>(), "", "not json", R"({"status":"succeeded"})",
        R"({"id":"x","status":"succeeded","amount":"19.90","currency":"EUR","idempotency_key":"another-key-0000000"})",
        R"({"id":"x","status":"succeeded","amount":"19.91","currency":"EUR","idempotency_key":"$KEY"})",
        R"({"id":"x","status":"succeeded","amount":"19.90","currency":"USD","idempotency_key":"$KEY"})");
    auto payments = client();
    SECTION("twice: unknown") {
        provider->answers(200, body, {}, 4);
        const auto r = charge(payments);
        CHECK(r.outcome() == outcome::unknown);
        CHECK(r.report().attempts == 2);
    }
    SECTION("once: the replay settles it") {
        provider->answers(200, body);
        CHECK(charge(payments).outcome() == outcome::succeeded);
        CHECK(provider->charged(key.text()) == 1);
    }
}

TEST_CASE_METHOD(shop, "pending is not final, and asking later decides it") {
    auto payments = client();
    provider->answers(202, R"({"id":"x","status":"pending","amount":"19.90","currency":"EUR","idempotency_key":"$KEY"})");
    const auto r = charge(payments);
    CHECK(r.outcome() == outcome::pending);
    CHECK_FALSE(r.error());
    CHECK(journal->open_intents().size() == 1);
    CHECK(charge(payments).outcome() == outcome::succeeded);
    CHECK(journal->open_intents().empty());
}

TEST_CASE_METHOD(shop, "what cannot be right is refused before anything is recorded or sent") {
    auto payments = client();
    const auto bad = GENERATE_REF(
        charge_request(money::parse("0.00", "EUR"), card_token(canary)),
        charge_request(money::parse("-1.00", "EUR"), card_token(canary)),
        charge_request(money::parse("1.00", "EUR"), card_token(canary)).reference(std::string(256, 'x')),
        charge_request(money::parse("1.00", "EUR"), card_token(canary)).reference("line\nbreak"));
    const auto r = charge(payments, bad);
    CHECK(r.outcome() == outcome::rejected);
    CHECK(r.error() == payment::errc::invalid_request);
    CHECK(provider->arrivals().empty());
    CHECK(journal->open_intents().empty());
}

TEST_CASE_METHOD(shop, "one key, one content, one call at a time") {
    auto payments = client();
    SECTION("other content is refused before sending") {
        REQUIRE(charge(payments).outcome() == outcome::succeeded);
        const auto r = charge(payments, charge_request(money::parse("20.00", "EUR"), card_token(canary)).key(key));
        CHECK(r.outcome() == outcome::rejected);
        CHECK(r.error() == payment::errc::key_conflict);
        CHECK(provider->arrivals().size() == 1);
    }
    SECTION("what succeeded is answered from the journal") {
        REQUIRE(charge(payments).outcome() == outcome::succeeded);
        const auto r = charge(payments);
        CHECK(r.outcome() == outcome::succeeded);
        CHECK(r.from_journal());
        CHECK(r.provider_id() == "ch_order-47");
        CHECK(provider->arrivals().size() == 1);
    }
    SECTION("a second call beside the first does not send, and does not claim that nothing was") {
        std::optional<payment_result> first, second;
        payments.async_charge(request(), [&](payment_result r) { first = std::move(r); });
        payments.async_charge(request(), [&](payment_result r) { second = std::move(r); });
        sim.run();
        REQUIRE((first.has_value() && second.has_value()));
        CHECK(first->outcome() == outcome::succeeded);
        CHECK(second->outcome() == outcome::unknown);
        CHECK(second->error() == payment::errc::key_in_use);
        CHECK(provider->arrivals().size() == 1);
    }
}

TEST_CASE_METHOD(shop, "two calls without keys are two intents") {
    auto payments = client();
    const charge_request plain(money::parse("5.00", "EUR"), card_token(canary));
    const auto a = charge(payments, plain), b = charge(payments, plain);
    CHECK(a.key() != b.key());
    CHECK(a.key().text().size() == 36);
    CHECK(provider->executions() == 2);
}

TEST_CASE_METHOD(shop, "the place in the record is the caller's, in both forms") {
    auto payments = client({.max_retries = 0});
    provider->refuses(2);
    std::optional<payment_result> ended;
    payments.async_charge(request(), [&](payment_result r) { ended = std::move(r); });
    const auto line = boost::source_location(BOOST_CURRENT_LOCATION).line() - 1;
    sim.run();
    const call c;
    payments.async_charge(request(), c, [&](payment_result r) { ended = std::move(r); });
    sim.run();
    REQUIRE(sink->records().size() == 2);
    CHECK(sink->records()[0].place.line() == line);
    CHECK(sink->records()[1].place.line() == c.place.line());
}

TEST_CASE_METHOD(shop, "no output repeats the token or the provider's key") {
    payment_options o{.max_retries = 0};
    o.api_key = std::string("sk_canary_live");
    auto payments = client(o);
    std::string seen;
    for (const std::string& leak : {canary, std::string("sk_canary_live")}) {
        provider->answers(500, R"({"error":{"code":"oops","message":"while charging )" + leak + "\"}}").answers(402).refuses();
        for (int i = 0; i < 3; ++i) {
            const auto r = charge(payments, charge_request(money::parse("1.00", "EUR"), card_token(canary)));
            seen += to_string(r) + to_string(r.report()) + r.error().message() + r.provider_id();
        }
    }
    for (const auto& i : journal->open_intents()) seen += i.fingerprint + i.reference + i.key.text();
    seen += logged();
    CHECK(seen.find("left out") != seen.npos);
    CHECK(seen.find(canary) == seen.npos);
    CHECK(seen.find("sk_canary") == seen.npos);
    CHECK(provider->arrivals()[0].body.find(canary) != seen.npos);  // the provider did get it
}

TEST_CASE_METHOD(shop, "a client that is destroyed finishes its calls; a context that is destroyed abandons them") {
    std::optional<payment_result> ended;
    SECTION("client") {
        {
            auto payments = client();
            payments.async_charge(request(), [&](payment_result r) { ended = std::move(r); });
        }
        sim.run();
        CHECK(ended->outcome() == outcome::succeeded);
    }
    SECTION("context") {
        testing::simulation short_lived;
        auto theirs = std::make_shared<testing::scripted_exchange>(short_lived);
        theirs->never_answers();
        payment_client payments(short_lived, {}, journal, theirs);
        payments.async_charge(request(), [&](payment_result r) { ended = std::move(r); });
        short_lived.run_for(1s);
    }
    CHECK(journal->open_intents().size() == (ended ? 0u : 1u));
}

TEST_CASE_METHOD(shop, "the record of a failed charge has the simulation's date, not 1970") {
    const std::chrono::system_clock::time_point deployment{std::chrono::sys_days{std::chrono::October / 26 / 2025} + 15h};
    testing::simulation dated(1, deployment);
    auto theirs = std::make_shared<testing::scripted_exchange>(dated);
    theirs->never_answers();
    payment_client payments(dated, {.max_retries = 0, .sink = sink}, journal, theirs);
    payments.async_charge(request(), [](payment_result) {});
    dated.run();
    REQUIRE(sink->records().size() == 1);
    CHECK(sink->records()[0].time == deployment + 5s + 80ms);  // it has asked once what became of it
}
