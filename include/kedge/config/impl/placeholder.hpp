// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <string_view>

namespace kedge::config::detail {

/// What a template asks people to replace.
inline bool is_placeholder(std::string_view value) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(value.substr(0, 5), std::string_view("your_"), {}, lower);
}

}  // namespace kedge::config::detail
