// SPDX-License-Identifier: BSL-1.0
// The payment client through real TLS: an answer is lost after the charge was executed.
#include <kedge/payment/http_exchange.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/io_context.hpp>

#include "support/catch.hpp"

#include <memory>
#include <optional>

namespace asio = boost::asio;
using kedge::testing::https_server;
using kedge::testing::served;

TEST_CASE("a charge whose answers are lost twice is charged once") {
    https_server server;
    server.next({.how = served::way::reset}, 2);
    asio::io_context io;
    kedge::http::client_options o{.url = server.url()};
    o.tls.ca_pem = server.ca_pem();
    const auto over = std::make_shared<kedge::payment::http_exchange>(kedge::http::client(io, o));
    kedge::payment_client payments(io, {}, std::make_shared<kedge::payment::memory_journal>(), over);
    std::optional<kedge::payment::outcome> outcome;
    kedge::charge_request request(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok_visa"));
    payments.async_charge(std::move(request), [&](kedge::payment_result r) {
        outcome = r.outcome();
        io.stop();
    });
    io.run();
    REQUIRE(outcome.has_value());
    CHECK(*outcome == kedge::payment::outcome::succeeded);
    CHECK(server.requests() == 3);
    CHECK(server.charges() == 1);
    const auto heard = server.heard();
    for (const auto& r : heard) CHECK(r.body == heard.front().body);
}
