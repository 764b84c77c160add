// SPDX-License-Identifier: BSL-1.0

#include "service.hpp"

#include <kedge/payment/http_exchange.hpp>
#include <kedge/payment/provider.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <tuple>

namespace incident::real {

namespace {

kedge::http::client_options trusting(const kedge::testing::https_server& server) {
    kedge::http::client_options o{.url = server.url(), .timeout = 5000ms};
    o.tls.ca_pem = server.ca_pem();
    return o;
}

}  // namespace

service::service(asio::io_context& io) : http_(io, trusting(server_)) {}

std::shared_ptr<kedge::payment::exchange> service::exchange() const {
    return std::make_shared<kedge::payment::http_exchange>(http_);
}

asio::awaitable<kedge::error_code> service::charge_plainly(int number) {
    const auto what = order(number);
    const auto request = kedge::payment::generic_provider().charge(what, *what.key());
    const auto ended = co_await http_.async_request(request, asio::as_tuple(asio::use_awaitable));
    co_return std::get<0>(ended);
}

}  // namespace incident::real
