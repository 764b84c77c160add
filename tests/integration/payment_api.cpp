// SPDX-License-Identifier: BSL-1.0
// The test server's answers over real HTTPS, and what is asked of it, conform to docs/reference/payment-api.openapi.json.
#include "payment/inspector.hpp"
#include "support/catch.hpp"

#include <kedge/payment/http_exchange.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/json/src.hpp>

#include <memory>
#include <optional>

using namespace kedge;
using payment::outcome;

TEST_CASE("the HTTPS test server and the client speak as described") {
    const auto api = payment_test::described_in(KEDGE_PROJECT_FOLDER "/docs/reference/payment-api.openapi.json");
    testing::https_server server;
    boost::asio::io_context io;
    http::client_options o{.url = server.url()};
    o.tls.ca_pem = server.ca_pem();
    const auto between =
        std::make_shared<payment_test::inspector>(api, std::make_shared<payment::http_exchange>(http::client(io, o)));
    payment_options options;
    options.api_key = std::string("sk_1");
    payment_client payments(io, options, std::make_shared<payment::memory_journal>(), between);
    payment_client forgetful(io, options, std::make_shared<payment::memory_journal>(), between);
    const idempotency_key key("order-4711-2025-10-26"), other("order-4712-2025-10-26");
    const auto play = [&](auto start) {
        std::optional<payment_result> end;
        start([&](payment_result r) { end = std::move(r); });
        io.restart();
        io.run();
        return end.value();
    };
    const auto request = charge_request(money::parse("19.90", "EUR"), card_token("tok_visa")).key(key);

    CHECK(play([&](auto take) { payments.async_charge(request, take); }).outcome() == outcome::succeeded);
    CHECK(play([&](auto take) { forgetful.async_charge(request, take); }).outcome() == outcome::succeeded);
    CHECK(play([&](auto take) { payments.async_status(key, take); }).outcome() == outcome::succeeded);
    CHECK(play([&](auto take) { payments.async_status(other, take); }).error() == payment::errc::not_found);
    CHECK(play([&](auto take) { payments.async_reconcile(other, call{.repeating = repeat::forbidden}, take); }).error() ==
          payment::errc::not_found);
    payments.async_health([](error_code ec, payment::health_report) { CHECK_FALSE(ec); });
    io.restart();
    io.run();

    CHECK(between->answers == 6);
    CHECK(between->wrong == payment_test::complaints{});
    CHECK(server.charges() == 1);
    const auto heard = server.heard();
    REQUIRE(heard.size() == 6);
    CHECK(heard[0].body == heard[1].body);
    for (const auto& r : heard)  // what the transport adds describes the connection, and nothing of the payment
        for (const auto& h : r.headers)
            CHECK((h.name == "Host" || h.name == "Content-Length" || h.name == "Content-Type" || h.name == "Idempotency-Key" ||
                   h.name == "Authorization" || h.name == "Accept" || h.name == "User-Agent"));
}
