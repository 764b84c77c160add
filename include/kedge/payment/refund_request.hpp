// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/idempotency_key.hpp>
#include <kedge/payment/money.hpp>

#include <optional>
#include <string>
#include <utility>

namespace kedge {

/** What to give back, and of which charge. A refund is an intent of its own, with a key of its own.
 *  @code
 *  auto request = kedge::refund_request::of_key(order.key).amount(kedge::money::parse("5.00", "EUR")).key(refund.key);
 *  @endcode
 */
class refund_request {
public:
    /// Of the charge that was made with this key.
    static refund_request of_key(const idempotency_key& of) { return refund_request(of.text(), true); }

    /// Of the charge that the provider calls so: 1 to 255 bytes of visible ASCII. See `payment_result::provider_id`.
    static refund_request of_charge(std::string provider_id) { return refund_request(std::move(provider_id), false); }

    /// A part of it, above zero. Without an amount, all that has not been refunded yet.
    refund_request amount(const money& part) && {
        amount_ = part;
        return std::move(*this);
    }

    /// Your own name for it, shown by the provider: up to 255 bytes of printable ASCII.
    refund_request reference(std::string text) && {
        reference_ = std::move(text);
        return std::move(*this);
    }

    /// The key of this refund, not that of the charge. Without one, each call is an intent of its own.
    refund_request key(idempotency_key k) && {
        key_ = std::move(k);
        return std::move(*this);
    }

    const std::string& charge() const noexcept { return charge_; }
    bool by_key() const noexcept { return by_key_; }  ///< @ref charge is an idempotency key
    const std::optional<money>& amount() const noexcept { return amount_; }
    const std::string& reference() const noexcept { return reference_; }
    const std::optional<idempotency_key>& key() const noexcept { return key_; }

private:
    refund_request(std::string charge, bool by_key) : charge_(std::move(charge)), by_key_(by_key) {}

    std::string charge_;
    bool by_key_;
    std::optional<money> amount_{};
    std::string reference_{};
    std::optional<idempotency_key> key_{};
};

}  // namespace kedge
