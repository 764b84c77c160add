// SPDX-License-Identifier: BSL-1.0
// Canaries: neither a token nor the provider's key comes out anywhere, whatever a provider says.
#include "shop.hpp"

#include <kedge/log/events.hpp>
#include <kedge/payment/provider.hpp>

#include <stdexcept>

using namespace payment_test;

namespace {

const std::string bearer = "sk_canary_live_77aa";

/// Everything that anybody can see.
struct watched : shop {
    std::string seen;

    payment_options options(int retries) {
        payment_options o{.max_retries = retries};
        o.api_key = bearer;
        o.on_event = [this](const event& what) noexcept {
            const log::event_record made = log::to_record(what);
            const log::record r = made.view();
            seen += std::string(r.message) + std::string(r.logger) + r.error.message();
            for (const auto& field : r.fields) seen += std::string(field.name);
        };
        return o;
    }
    void note(const payment_result& r) {
        seen += to_string(r) + to_string(r.report()) + r.error().message() + r.provider_id() + r.request_id() + r.key().text();
        seen += std::string(r.report().said.code()) + std::string(r.report().said.text());
        if (r.amount()) seen += to_string(*r.amount());
    }
    void check() {
        for (const auto& i : journal->open_intents()) seen += i.fingerprint + i.reference + i.key.text();
        journal->find(key, [&](error_code, std::optional<payment::entry> e) {
            if (e) seen += e->what.fingerprint + e->what.reference + e->provider_id;
        });
        seen += logged();
        CHECK(seen.find("canary") == seen.npos);
        CHECK(seen.size() > 100);
    }
};

}  // namespace

TEST_CASE_METHOD(watched, "a provider that repeats what is secret is not quoted: charges, refunds, questions, events") {
    auto payments = client(options(1));
    for (const std::string& leak : {canary, bearer}) {
        for (const int status : {200, 400, 402, 409, 422, 429, 500, 503}) {
            front->answers = [=](const payment::request& what) {
                // A name for the exchange or the payment is the provider's to choose: only who has the token can tell.
                const std::string name = what.target == "/v1/charges" ? leak : bearer;
                const std::vector<payment::header> fields{{"Request-Id", name}, {"Retry-After", leak}, {"Should-Retry", leak}};
                const std::string problem = R"({"error":{"code":"c","message":"for )" + leak + R"("},"id":")" + name +
                                            R"(","status":"succeeded","amount":"1.00","currency":"EUR"})";
                return desk::reply{{status, fields, problem}};
            };
            note(charge(payments, charge_request(money::parse("1.00", "EUR"), card_token(canary))));
            note(refund(payments, refund_request::of_charge("ch_1")));
            note(this->status(payments));
            note(reconcile(payments, call{.deadline = sim.now() + 1min}));
            sim.run_for(1min);
        }
    }
    front->answers = [](const payment::request&) -> std::optional<desk::reply> { throw std::runtime_error("no"); };
    note(charge(payments));
    questions_get(200, R"({"id":")" + bearer + R"(","status":"succeeded","amount":"19.90","currency":"EUR","idempotency_key":")" +
                           key.text() + "\"}");
    sim.run_for(1min);
    note(reconcile(payments));
    check();
    REQUIRE(front->heard.front().body.find(canary) != std::string::npos);  // the provider did get it
}

TEST_CASE("what is refused is not repeated either", "[payment]") {
    for (const std::string bad : {"4242 4242 4242 4242 canary", "tok canary", ""}) {
        try {
            (void)card_token(bad + (bad.empty() ? "" : "\n"));
            FAIL("accepted");
        } catch (const std::invalid_argument& refused) {
            CHECK(std::string(refused.what()).find("canary") == std::string::npos);
            CHECK(std::string(refused.what()).find("4242") == std::string::npos);
        }
    }
    try {
        testing::simulation sim;
        payment_options o;
        o.api_key = bearer;
        o.settle_after = 0s;
        payment_client(sim, o, std::make_shared<payment::memory_journal>(), std::make_shared<testing::scripted_exchange>(sim));
        FAIL("accepted");
    } catch (const std::invalid_argument& refused) {
        CHECK(std::string(refused.what()) == "kedge::payment_options: settle_after = 0 ns, but it must be above 0");
    }
}
