// SPDX-License-Identifier: BSL-1.0
#include "shop.hpp"

#include <kedge/detail/json.hpp>

using namespace payment_test;

namespace {

struct returns : shop {
    payment_client payments = client();
    const idempotency_key of_refund{"refund-4711-2025-10-26"};
    const money part = money::parse("5.00", "EUR");

    refund_request of_order() const { return refund_request::of_key(key).amount(part).key(of_refund); }
    kedge::detail::json_reader::fields sent(std::size_t number = 0) const {
        return kedge::detail::json_reader::read(front->heard.at(number).body).value();
    }
};

}  // namespace

TEST_CASE_METHOD(returns, "a refund is sent once, with a key of its own") {
    const auto r = refund(payments, of_order().reference("returned by post"));
    CHECK(r.outcome() == outcome::succeeded);
    CHECK(r.key() == of_refund);
    CHECK(r.amount() == part);
    CHECK(journal->open_intents().empty());
    REQUIRE(front->heard.size() == 1);
    CHECK(front->heard[0].method == "POST");
    CHECK(front->heard[0].target == "/v1/refunds");
    CHECK(sent() == kedge::detail::json_reader::fields{{"charge_key", key.text()},
                                                       {"amount", "5.00"},
                                                       {"currency", "EUR"},
                                                       {"reference", "returned by post"}});
    CHECK(provider->charged(of_refund.text()) == 1);
    CHECK(refund(payments, of_order().reference("returned by post")).from_journal());
}

TEST_CASE_METHOD(returns, "of a charge by the provider's name, all that is left, with a new key each time") {
    front->answers = [](const payment::request& what) -> std::optional<desk::reply> {
        const std::string its = what.headers.at(1).value;
        const std::string about = R"({"id":"re_1","status":"succeeded","amount":"14.90","currency":"EUR",)";
        return desk::reply{{201, {}, about + R"("idempotency_key":")" + its + "\"}"}};
    };
    const auto a = refund(payments, refund_request::of_charge("ch_1")), b = refund(payments, refund_request::of_charge("ch_1"));
    CHECK(a.outcome() == outcome::succeeded);
    CHECK(a.amount() == money::parse("14.90", "EUR"));
    CHECK(a.key() != b.key());
    CHECK(sent() == kedge::detail::json_reader::fields{{"charge", "ch_1"}, {"reference", ""}});
}

TEST_CASE_METHOD(returns, "a refund that cannot be right is refused before anything is recorded or sent") {
    const auto zero = money::parse("0.00", "EUR"), less = money::parse("-5.00", "EUR");
    const auto bad = GENERATE_REF(
        refund_request::of_key(key).amount(zero), refund_request::of_key(key).amount(less), refund_request::of_charge(""),
        refund_request::of_charge("ch 1"), refund_request::of_charge(std::string(256, 'c')),
        refund_request::of_key(key).reference("line\nbreak"), refund_request::of_key(key).reference(std::string(256, 'x')));
    const auto r = refund(payments, bad);
    CHECK(r.outcome() == outcome::rejected);
    CHECK(r.error() == payment::errc::invalid_request);
    CHECK(front->heard.empty());
    CHECK(journal->open_intents().empty());
}

TEST_CASE_METHOD(returns, "the same join: after a lost answer a refusal proves nothing, and the same bytes settle it") {
    nobody_can_be_asked();
    provider->resets(1, true).answers(401);
    const auto r = refund(payments, of_order());
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == payment::errc::unauthorized);
    REQUIRE(journal->open_intents().size() == 1);
    CHECK(journal->open_intents()[0].action == payment::action::refund);
    CHECK(journal->open_intents()[0].amount == part);
    CHECK(refund(payments, of_order()).outcome() == outcome::succeeded);
    for (const auto& a : provider->arrivals()) CHECK(a.body == provider->arrivals().front().body);
    CHECK(provider->charged(of_refund.text()) == 1);
}

TEST_CASE_METHOD(returns, "an answer about another amount settles nothing") {
    provider->answers(200, R"({"id":"re_1","status":"succeeded","amount":"19.90","currency":"EUR","idempotency_key":"$KEY"})", {},
                      4);
    nobody_can_be_asked();
    const auto r = refund(payments, of_order());
    CHECK(r.outcome() == outcome::unknown);
    CHECK(r.error() == payment::errc::foreign_answer);
    CHECK(r.report().attempts == 2);
}

TEST_CASE_METHOD(returns, "a key belongs to one intent: a charge's is no refund's") {
    REQUIRE(charge(payments).outcome() == outcome::succeeded);
    const auto r = refund(payments, refund_request::of_key(key).key(key));
    CHECK(r.outcome() == outcome::rejected);
    CHECK(r.error() == payment::errc::key_conflict);
    CHECK(front->heard.size() == 1);
    CHECK(refund(payments, of_order()).outcome() == outcome::succeeded);
    CHECK(refund(payments, refund_request::of_key(key).key(of_refund)).error() == payment::errc::key_conflict);
}

TEST_CASE_METHOD(returns, "a refund that ends without an answer asks once, where refunds are") {
    provider->never_answers(4);
    const auto r = refund(payments, of_order());
    CHECK(r.outcome() == outcome::unknown);
    REQUIRE(front->heard.size() == 5);
    CHECK(front->heard[4].target == "/v1/refunds?idempotency_key=" + of_refund.text());
    front->heard.clear();
    key = of_refund;
    (void)status(payments);
    CHECK(front->heard.at(0).target == "/v1/refunds?idempotency_key=" + of_refund.text());  // the journal knows what it is
}

TEST_CASE_METHOD(returns, "after shutdown nothing is refunded, and everything may be asked") {
    std::optional<error_code> down;
    payments.async_shutdown(sim.now() + 1s, [&](error_code ec) { down = ec; });
    sim.run();
    REQUIRE(down);
    CHECK(refund(payments, of_order()).error() == payment::errc::shut_down);
    CHECK(reconcile(payments, call{.repeating = repeat::forbidden}).error() == payment::errc::not_found);
}
