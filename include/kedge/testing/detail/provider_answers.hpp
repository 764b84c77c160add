// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/json.hpp>

#include <string>
#include <string_view>

namespace kedge::testing::detail {

/// An answer of the generic provider about one payment.
inline std::string payment_body(std::string_view id, std::string_view status, std::string_view amount,
                                std::string_view currency, std::string_view key) {
    using kedge::detail::json_string;
    return "{\"id\":" + json_string(id) + ",\"status\":" + json_string(status) + ",\"amount\":" + json_string(amount) +
           ",\"currency\":" + json_string(currency) + ",\"idempotency_key\":" + json_string(key) + "}";
}

/// An error of the generic provider. Without a key it proves nothing about a payment.
inline std::string error_body(std::string_view code, std::string_view message, std::string_view key = {}) {
    using kedge::detail::json_string;
    std::string body = "{\"error\":{\"code\":" + json_string(code) + ",\"message\":" + json_string(message) + "}";
    if (!key.empty()) body += ",\"idempotency_key\":" + json_string(key);
    return body + "}";
}

}  // namespace kedge::testing::detail
