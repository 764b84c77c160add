// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/secret.hpp>

#include <algorithm>
#include <stdexcept>

namespace kedge {

namespace detail {

/// The check digit of card numbers (Luhn, ISO/IEC 7812-1), with spaces and dashes between the digits allowed.
inline bool looks_like_card_number(std::string_view text) noexcept {
    int digits = 0, sum = 0;
    for (auto c = text.rbegin(); c != text.rend(); ++c) {
        if (*c == ' ' || *c == '-') continue;
        if (*c < '0' || *c > '9') return false;
        const int value = (*c - '0') * (1 + digits % 2);
        sum += value > 9 ? value - 9 : value;
        ++digits;
    }
    return digits >= 12 && digits <= 19 && sum % 10 == 0;
}

}  // namespace detail

KEDGE_DECL card_token::card_token(std::string token) : value_(std::move(token)) {
    const std::string& text = value_.reveal();
    if (text.empty() || text.size() > 255) throw std::invalid_argument("card token: must have 1 to 255 characters");
    if (detail::looks_like_card_number(text))
        throw std::invalid_argument("card token: this is a card number; kedge takes the provider's token for it only");
    if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }))
        throw std::invalid_argument("card token: visible ASCII characters only");
}

}  // namespace kedge
