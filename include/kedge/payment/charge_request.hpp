// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/idempotency_key.hpp>
#include <kedge/payment/money.hpp>
#include <kedge/payment/secret.hpp>

#include <optional>
#include <string>
#include <utility>

namespace kedge {

/** What to charge, and whom. A class with constructors, so that it is safe inside `co_await` on GCC 12.
 *  @code
 *  auto request = kedge::charge_request{amount, token}.reference("order 4711").key(order.key);
 *  @endcode
 */
class charge_request {
public:
    charge_request(money amount, card_token token) : amount_(amount), token_(std::move(token)) {}

    /// Your own name for it, shown by the provider: up to 255 bytes of printable ASCII.
    charge_request reference(std::string text) && {
        reference_ = std::move(text);
        return std::move(*this);
    }

    /// The key of this intent, kept with the order. Without one, each call is an intent of its own.
    charge_request key(idempotency_key k) && {
        key_ = std::move(k);
        return std::move(*this);
    }

    const money& amount() const noexcept { return amount_; }
    const card_token& token() const noexcept { return token_; }
    const std::string& reference() const noexcept { return reference_; }
    const std::optional<idempotency_key>& key() const noexcept { return key_; }

private:
    money amount_;
    card_token token_;
    std::string reference_{};
    std::optional<idempotency_key> key_{};
};

}  // namespace kedge
