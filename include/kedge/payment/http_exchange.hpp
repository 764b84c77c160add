// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/client.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/options.hpp>

#include <memory>
#include <utility>

namespace kedge::payment {

/// Payments over @ref http::client. Include this header to let a @ref payment_client make its own transport.
class http_exchange final : public exchange {
public:
    explicit http_exchange(http::client over) : client_(std::move(over)) {}

    void start(const request& what, const attempt& of, exchange_handler handler) override {
        const call c{.deadline = of.deadline, .report = of.report, .tag = of.tag, .place = of.place};
        client_.async_request(what, c, std::move(handler));
    }

private:
    http::client client_;
};

template <class Context> struct http_exchange_maker {
    static std::shared_ptr<exchange> make(Context& ctx, const payment_options& o) {
        http::client_options http{.url = o.url, .connect_timeout = o.connect_timeout, .timeout = o.attempt_timeout};
        return std::make_shared<http_exchange>(http::client(ctx, std::move(http)));
    }
};

}  // namespace kedge::payment
