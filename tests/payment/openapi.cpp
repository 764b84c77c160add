// SPDX-License-Identifier: BSL-1.0
// docs/reference/payment-api.openapi.json is what kedge's requests and the answers of its own servers conform to.
#include "inspector.hpp"
#include "shop.hpp"

#include <kedge/payment/provider.hpp>
#include <kedge/testing/simulated_provider.hpp>

#include <boost/json/src.hpp>

#include <memory>

using namespace payment_test;

namespace {

const std::string key_text = "order-4711-2025-10-26";

const openapi& api() {
    static const openapi description = described_in(KEDGE_PROJECT_FOLDER "/docs/reference/payment-api.openapi.json");
    return description;
}

struct inspected : shop {
    std::shared_ptr<inspector> between = std::make_shared<inspector>(api(), provider);
    payment_options options(int retries = 0) {
        payment_options o{.max_retries = retries};
        o.api_key = std::string("sk_1");
        return o;
    }
    payment_client payments{sim, options(), journal, between};
};

}  // namespace

TEST_CASE("the description knows each request that kedge can make, and nothing else", "[payment]") {
    const payment::generic_provider provider;
    const idempotency_key key(key_text);
    const auto amount = money::parse("19.90", "EUR"), yen = money::parse("1990", "JPY"), dinar = money::parse("1.990", "BHD");
    for (const auto& m : {amount, yen, dinar}) {
        CHECK(api().check(provider.charge(charge_request(m, card_token("tok_visa")), key)) == complaints{});
        CHECK(api().check(provider.refund(refund_request::of_key(key).amount(m), key)) == complaints{});
    }
    const auto named = charge_request(amount, card_token("tok_visa")).reference("order \"4711\" \\ ~");
    CHECK(api().check(provider.charge(named, key)) == complaints{});
    CHECK(api().check(provider.refund(refund_request::of_key(key), key)) == complaints{});
    CHECK(api().check(provider.refund(refund_request::of_charge("ch_1"), key)) == complaints{});
    CHECK(api().check(provider.refund(refund_request::of_charge("ch_1").amount(amount), key)) == complaints{});
    CHECK(api().check(provider.status(key, payment::action::charge)) == complaints{});
    CHECK(api().check(provider.status(key, payment::action::refund)) == complaints{});
    CHECK(api().check(provider.health()) == complaints{});
}

TEST_CASE("what breaks the description is found", "[payment]") {
    const payment::request good{"POST", "/v1/charges",
                                {{"Content-Type", "application/json"}, {"Idempotency-Key", key_text}},
                                R"({"amount":"19.90","currency":"EUR","token":"tok","reference":""})"};
    REQUIRE(api().check(good) == complaints{});
    const auto wrong = [&](auto change) {
        payment::request r = good;
        change(r);
        return api().check(r);
    };
    const auto body = [&](const char* text) {
        return wrong([&](payment::request& r) { r.body = text; });
    };
    CHECK(wrong([](auto& r) { r.method = "PUT"; }) == complaints{"PUT /v1/charges is not described"});
    CHECK(wrong([](auto& r) { r.target = "/v1/payments"; }) == complaints{"POST /v1/payments is not described"});
    CHECK(wrong([](auto& r) { r.headers.pop_back(); }) == complaints{"Idempotency-Key is there 0 times"});
    CHECK(wrong([](auto& r) { r.headers.push_back(r.headers.back()); }) == complaints{"Idempotency-Key is there 2 times"});
    CHECK(wrong([](auto& r) { r.headers.back().value = "\"quoted-key-0000000\""; }).size() == 1);
    CHECK(wrong([](auto& r) { r.headers.front().value = "text/html"; }) == complaints{"content of type text/html"});
    CHECK(wrong([](auto& r) { r.headers.push_back({"Cookie", "a=b"}); }) == complaints{"the header Cookie is not described"});
    CHECK(body("") == complaints{"body is no JSON: "});
    CHECK(body(R"({"amount":19.9,"currency":"EUR","token":"tok","reference":""})") ==
          complaints{"body.amount breaks type: 1.99E1"});
    CHECK(body(R"({"amount":"19,90","currency":"EUR","token":"tok","reference":""})") ==
          complaints{"body.amount breaks pattern: \"19,90\""});
    CHECK(body(R"({"amount":"1.00","currency":"eur","token":"tok","reference":""})").size() == 1);
    CHECK(body(R"({"amount":"1.00","currency":"EUR","reference":""})") == complaints{"body lacks token"});
    CHECK(body(R"({"amount":"1.00","currency":"EUR","token":"","reference":""})").size() == 2);
    CHECK(body(R"({"amount":"1.00","currency":"EUR","token":"tok","reference":"","cvv":"123"})") ==
          complaints{"body.cvv is not described"});
    CHECK(api().check("RefundRequest", json::parse(R"({"charge":"ch_1","charge_key":"order-4711-2025-10-26","reference":""})"))
              .size() == 1);
    CHECK(api().check("RefundRequest", json::parse(R"({"charge":"ch_1","amount":"1.00","reference":""})")).size() == 1);
    CHECK(api().check(good, {302, {}, {}}) == complaints{"status 302 is not described"});
    CHECK(api().check(good, {201, {}, R"({"status":"paid","amount":"1.00","currency":"EUR"})"}).size() == 2);
    CHECK(api().check(good, {503, {{"Retry-After", "soon"}}, {}}).size() == 1);
    for (const char* wait : {"7", "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
        CHECK(api().check(good, {503, {{"Retry-After", wait}}, {}}) == complaints{});
}

TEST_CASE("each part of the description that is used can be found, and each status is one that kedge judges", "[payment]") {
    const json::object& paths = api().root().at("paths").as_object();
    CHECK(paths.size() == 3);
    const payment::generic_provider provider;
    const idempotency_key key(key_text);
    for (const auto& [path, methods] : paths)
        for (const auto& [method, op] : methods.as_object())
            for (const auto& [status, response] : op.at("responses").as_object()) {
                INFO(path << " " << method << " " << status);
                const json::string* to = response.as_object().contains("$ref") ? &response.at("$ref").as_string() : nullptr;
                if (to) CHECK(api().root().find_pointer(std::string_view(*to).substr(1), *std::make_unique<error_code>()));
                const payment::response r{std::stoi(std::string(status)), {}, {}};
                const auto j = payment::judge({}, r, provider.read(r), payment::send_phase::response_done, {key});
                if (r.status == 200) CHECK(j.error == payment::errc::malformed_answer);
                else CHECK((r.status == 202 || j.error));
            }
}

TEST_CASE_METHOD(inspected, "the scripted provider and the client speak as described", "[payment]") {
    CHECK(charge(payments).outcome() == outcome::succeeded);
    CHECK(status(payments).outcome() == outcome::succeeded);
    journal = std::make_shared<payment::memory_journal>();
    payments = payment_client(sim, options(3), journal, between);
    CHECK(charge(payments).status() == 200);  // the stored answer
    const auto other = charge_request(money::parse("20.00", "EUR"), card_token("tok_visa")).key(key);
    payments = payment_client(sim, options(3), std::make_shared<payment::memory_journal>(), between);
    CHECK(charge(payments, other).error() == payment::errc::key_conflict);
    const charge_request plain(money::parse("5.00", "EUR"), card_token("tok_visa"));
    provider->declines().overloaded(1).resets(1, true);
    CHECK(charge(payments, plain).outcome() == outcome::declined);
    CHECK(charge(payments, plain).outcome() == outcome::succeeded);
    const auto part = money::parse("1.00", "EUR");
    CHECK(refund(payments, refund_request::of_key(key).amount(part)).outcome() == outcome::succeeded);
    key = idempotency_key("nobody-ever-used-this-key");
    CHECK(reconcile(payments, call{.repeating = repeat::forbidden}).error() == payment::errc::not_found);
    payments.async_health([](error_code ec, payment::health_report) { CHECK_FALSE(ec); });
    sim.run();
    CHECK(between->answers >= 10);
    CHECK(between->wrong == complaints{});
}

TEST_CASE_METHOD(inspected, "the simulated provider speaks as described", "[payment]") {
    auto simulated = std::make_shared<testing::simulated_provider>(sim);
    between->behind = simulated;
    CHECK(charge(payments).outcome() == outcome::succeeded);
    CHECK(status(payments).outcome() == outcome::succeeded);
    payments = payment_client(sim, options(), std::make_shared<payment::memory_journal>(), between);
    CHECK(charge(payments).status() == 200);  // the stored answer
    const auto other = charge_request(money::parse("20.00", "EUR"), card_token("tok_visa")).key(key);
    payments = payment_client(sim, options(), std::make_shared<payment::memory_journal>(), between);
    CHECK(charge(payments, other).error() == payment::errc::key_conflict);
    const auto declined = charge_request(money::parse("5.00", "EUR"), card_token("tok_declined"));
    CHECK(charge(payments, declined).outcome() == outcome::declined);
    CHECK(refund(payments, refund_request::of_key(key)).outcome() == outcome::succeeded);
    CHECK(refund(payments, refund_request::of_key(key)).outcome() == outcome::rejected);  // nothing is left of it
    simulated->suffer({.pending = 1});
    const auto later = charge(payments, charge_request(money::parse("6.00", "EUR"), card_token("tok_visa")));
    CHECK(later.outcome() == outcome::pending);
    key = later.key();
    CHECK(status(payments).outcome() == outcome::pending);
    payments.async_health([](error_code ec, payment::health_report) { CHECK_FALSE(ec); });
    sim.run();
    CHECK(between->answers >= 10);
    CHECK(between->wrong == complaints{});
}
