// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/idempotency_key.hpp>
#include <kedge/payment/impl/quoted.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace kedge {

KEDGE_DECL bool idempotency_key::is_valid(std::string_view text) noexcept {
    const auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    };
    return text.size() >= 16 && text.size() <= 64 && std::ranges::all_of(text, allowed);
}

KEDGE_DECL idempotency_key::idempotency_key(std::string text) : text_(std::move(text)) {
    if (!is_valid(text_))
        throw std::invalid_argument("idempotency key " + detail::quoted(text_) + ": accepted: 16 to 64 of A-Z a-z 0-9 _ -");
}

KEDGE_DECL idempotency_key idempotency_key::from_random(std::span<const std::byte, 16> random) {
    std::array<std::byte, 16> bytes{};
    std::ranges::copy(random, bytes.begin());
    bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4
    bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};  // variant of RFC 9562
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        const auto value = std::to_integer<unsigned>(bytes[i]);
        text += "0123456789abcdef"[value >> 4];
        text += "0123456789abcdef"[value & 15];
    }
    return idempotency_key(std::move(text));
}

}  // namespace kedge
