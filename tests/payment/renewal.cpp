// SPDX-License-Identifier: BSL-1.0
// A provider that no longer accepts the key: once more with another one, if there is one.
#include "shop.hpp"

#include <stdexcept>

using namespace payment_test;

namespace {

/// A provider that accepts one key, and a client that begins with another one.
struct rotated : shop {
    std::string accepted = "sk_canary_new", offered = "sk_canary_new";
    int asked = 0;

    payment_options options() {
        payment_options o;
        o.api_key = std::string("sk_canary_old");
        o.fresh_api_key = [this]() -> secret<std::string> {
            ++asked;
            if (offered.empty()) throw std::runtime_error("the file is gone");
            return offered;
        };
        return o;
    }
    void check_keys() {
        front->answers = [this](const payment::request& what) -> std::optional<desk::reply> {
            if (sent_with(what) == accepted) return {};
            return desk::reply{{401, {}, R"({"error":{"code":"expired","message":"no )" + sent_with(what) + "\"}}"}};
        };
    }
    static std::string sent_with(const payment::request& what) {
        std::string found;
        for (const payment::header& h : what.headers)
            if (h.name == "Authorization") found += h.value.substr(std::string("Bearer ").size());  // two would be no key
        return found;
    }
};

}  // namespace

TEST_CASE_METHOD(rotated, "401, and there is another key by now: the call goes on with it, and so do those that follow") {
    check_keys();
    auto payments = client(options());
    CHECK(charge(payments).outcome() == outcome::succeeded);
    REQUIRE(front->heard.size() == 2);
    CHECK(sent_with(front->heard[0]) == "sk_canary_old");
    CHECK(sent_with(front->heard[1]) == "sk_canary_new");
    CHECK(front->heard[0].body == front->heard[1].body);
    CHECK(status(payments).outcome() == outcome::succeeded);
    CHECK(asked == 1);
    CHECK(logged().find("canary") == std::string::npos);
}

TEST_CASE_METHOD(rotated, "401, and nothing that would change it: the refusal is the end") {
    auto o = options();
    int heard = 1;
    SECTION("the same key") { offered = "sk_canary_old"; }
    SECTION("the key cannot be read") { offered.clear(); }
    SECTION("nobody to ask") { o.fresh_api_key = nullptr; }
    SECTION("another key, which is refused, too") { offered = "sk_canary_wrong", heard = 2; }
    SECTION("another one each time") {
        heard = 2;
        o.fresh_api_key = [this]() -> secret<std::string> { return "sk_canary_" + std::to_string(++asked); };
    }
    check_keys();
    auto payments = client(o);
    const payment_result r = charge(payments);
    CHECK(r.error() == payment::errc::unauthorized);
    CHECK(r.outcome() == outcome::rejected);
    CHECK(front->heard.size() == static_cast<std::size_t>(heard));
    CHECK(asked <= 1);
    const std::string seen = to_string(r) + to_string(r.report()) + std::string(r.report().said.text()) + logged();
    CHECK(seen.find("canary") == std::string::npos);
}

TEST_CASE_METHOD(rotated, "401 after a lost answer still proves nothing, and with the new key the truth comes out") {
    provider->resets(1, true);
    check_keys();
    accepted = "sk_canary_old";  // until the answer is lost
    front->answers = [this, refuse = front->answers](const payment::request& what) {
        if (front->heard.size() == 2) accepted = "sk_canary_new";
        return refuse(what);
    };
    auto payments = client(options());
    const payment_result r = charge(payments);
    CHECK(r.outcome() == outcome::succeeded);
    CHECK(front->heard.size() == 3);
    CHECK(provider->executions() == 1);
}

TEST_CASE_METHOD(rotated, "many calls that are refused at once: the key is asked for once") {
    check_keys();
    auto payments = client(options());
    int succeeded = 0;
    for (int i = 0; i < 10; ++i) {
        const idempotency_key own("order-of-2025-10-26-" + std::to_string(i));
        auto what = charge_request(money::parse("1.00", "EUR"), card_token(canary)).key(own);
        payments.async_charge(std::move(what), [&](const payment_result& r) { succeeded += r.outcome() == outcome::succeeded; });
    }
    sim.run();
    CHECK(succeeded == 10);
    CHECK(front->heard.size() > 11);  // several had the old key
    CHECK(front->heard.size() <= 20);
    CHECK(asked == 1);
}
