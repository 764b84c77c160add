// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace kedge::detail {

/// What may be quoted back in an error: printable, and short enough to be an amount, a code or a key.
inline std::string quoted(std::string_view value) {
    std::string out = "\"";
    for (const char c : value.substr(0, 32)) out += c >= ' ' && c <= '~' ? c : '?';
    return out + (value.size() > 32 ? "...\"" : "\"");
}

}  // namespace kedge::detail
