// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/secret.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// AWS's two files differ in how they name profiles: `[x]` in that of credentials, `[profile x]` in that of settings.
enum class profile_file : std::uint8_t { credentials, config };

/// What one file says of one profile.
struct profile {
    bool is_there = false;
    /// By their names in lower case; the last of a name counts.
    std::map<std::string, secret<std::string>, std::less<>> values{};
    int bad_line = 0;  ///< the first that is no part of the grammar, from 1; 0: none

    /// Empty: it is not there.
    std::string_view operator[](std::string_view name) const noexcept {
        const auto at = values.find(name);
        return at == values.end() ? std::string_view() : at->second.reveal();
    }
};

/** Reads `[name]` and below it `name = value`, each trimmed. Lines that begin with `#` or `;` are comments, so is what follows
 *  one of them after a space. A line that is indented more than the setting above belongs to that, and is skipped. A profile may
 *  come in several parts. */
profile read_profile(std::string_view text, std::string_view name, profile_file kind);

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/profile_text.ipp>
#endif
