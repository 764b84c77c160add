// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/handlers.hpp>
#include <kedge/payment/error.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/secret.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/async_result.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace kedge::detail {

/// Of a request that may hold a card's token or the provider's key.
inline void wipe(payment::request& r) noexcept {
    wipe(r.body);
    for (payment::header& h : r.headers) wipe(h.value);
}

inline void authorise(payment::request& r, const secret<std::string>& key) {
    const auto old = std::find_if(r.headers.begin(), r.headers.end(), [](const auto& h) { return h.name == "Authorization"; });
    if (old != r.headers.end()) {
        wipe(old->value);
        r.headers.erase(old);
    }
    if (!key.reveal().empty()) r.headers.push_back({"Authorization", "Bearer " + key.reveal()});
}

/// One look at the provider's health endpoint, as an operation. It owns what it needs, and nothing of the client, which it
/// does not keep alive.
class health_look {
public:
    health_look(std::shared_ptr<payment::exchange> through, payment::request what, boost::asio::any_io_executor ex)
        : exchange_(std::move(through)), request_(new payment::request(std::move(what)), wipe_and_delete),
          executor_(std::move(ex)), rt_(&runtime::of(executor_)) {}

    template <class Token> auto operator()(const attempt& a, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, payment::health_report)>(
            [](auto&& handler, const health_look& look, const attempt& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                auto judge = [look, since = look.rt_->now()](handler_type&& next, error_code ec, const payment::response& from,
                                                             payment::send_phase) {
                    const bool up = !ec && from.status >= 200 && from.status < 300;
                    if (!ec && !up) ec = payment::errc::unavailable;
                    std::move(next)(ec, payment::health_report{up ? health::up : health::down, from.status,
                                                               look.rt_->now() - since});
                };
                then_handler<handler_type, decltype(judge)> judging(std::forward<decltype(handler)>(handler), judge);
                look.exchange_->start(*look.request_, of, payment::exchange_handler(std::move(judging), look.executor_));
            },
            token, *this, a);
    }

private:
    static void wipe_and_delete(payment::request* r) noexcept {
        wipe(*r);
        delete r;
    }

    std::shared_ptr<payment::exchange> exchange_;
    std::shared_ptr<payment::request> request_;  // lives until the answer
    boost::asio::any_io_executor executor_;
    runtime* rt_;
};

}  // namespace kedge::detail
