// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace kedge {

/** Names one payment that somebody intends to make, for as long as it takes: every attempt of every call, also after a
 *  restart, carries the same key, and the provider executes it at most once.
 *
 *  Make the key where the intent is born, e.g. when the checkout page is shown, and store it with the order. A key per
 *  request would defeat its purpose. It is not a secret, and it must not be made from personal data or the amount.
 */
class idempotency_key {
public:
    /// @param text  16 to 64 of `A-Z a-z 0-9 _ -`.   @throws std::invalid_argument naming the value
    explicit idempotency_key(std::string text);

    /// A UUID of version 4.   @param random  16 bytes from a cryptographic generator.
    static idempotency_key from_random(std::span<const std::byte, 16> random);

    static bool is_valid(std::string_view text) noexcept;

    const std::string& text() const noexcept { return text_; }

    friend bool operator==(const idempotency_key&, const idempotency_key&) = default;
    friend auto operator<=>(const idempotency_key&, const idempotency_key&) = default;

private:
    std::string text_;
};

inline const std::string& to_string(const idempotency_key& key) noexcept { return key.text(); }

}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/idempotency_key.ipp>
#endif
