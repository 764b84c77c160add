// SPDX-License-Identifier: BSL-1.0

#include "shop.hpp"

#include <kedge/payment/provider.hpp>
#include <kedge/pipeline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <tuple>
#include <utility>

namespace incident {

asio::awaitable<kedge::error_code> shop::charge_plainly(int number) {
    namespace payment = kedge::payment;
    const auto what = order(number);
    const payment::request request = payment::generic_provider().charge(what, *what.key());
    auto exchange = [&](auto&& token) {
        return asio::async_initiate<decltype(token), void(kedge::error_code, payment::response, payment::send_phase)>(
            [&](auto&& handler) {
                provider->start(request, {}, {std::forward<decltype(handler)>(handler), sim.get_executor()});
            },
            token);
    };
    const kedge::pipeline only_a_timeout{sim, kedge::timeout{5000ms}};
    const auto ended = co_await only_a_timeout.async_call(exchange, asio::as_tuple(asio::use_awaitable));
    co_return std::get<0>(ended);
}

}  // namespace incident
