// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/escape.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace kedge::config::detail {

inline constexpr std::string_view masked = "***";

/// Without what would move a cursor or end a line, and not endless.
inline std::string printable(std::string_view text) {
    constexpr std::size_t most = 80;
    std::string out;
    const bool cut = text.size() > most;
    text = text.substr(0, most);
    while (!text.empty()) {
        const log::detail::decoded next = log::detail::decode(text);
        if (!next.valid) out += log::detail::replacement;
        else if (log::detail::is_dangerous(next.point)) out += '?';
        else out += text.substr(0, next.size);
        text.remove_prefix(next.size);
    }
    return cut ? out + "…" : out;
}

constexpr bool is_host_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// Host and port, or several of them; a port that is no number could be a password whose host was forgotten.
inline bool is_authority(std::string_view text) noexcept {
    const bool address = text.starts_with('[');
    const std::size_t close = address ? text.find(']') : 0;
    if (close == std::string_view::npos) return false;
    const std::string_view host = address ? text.substr(1, close - 1) : text.substr(0, text.find_first_of(":,"));
    const auto in_host = [address](char c) { return is_host_character(c) || (address && c == ':'); };
    if (!std::ranges::all_of(host, in_host)) return false;
    std::string_view rest = text.substr(host.size() + (address ? 2 : 0));
    if (rest.starts_with(':')) {
        rest.remove_prefix(1);
        const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
        if (digits > 5) return false;
        rest.remove_prefix(digits);
    }
    return rest.empty() || (rest.starts_with(',') && is_authority(rest.substr(1)));
}

/** What a URL may show: scheme, host and port, and the path of a file. User, password, path and parameters may be secret: a
 *  webhook is its path. Of what is no such URL, nothing. */
inline std::string shown_url(std::string_view url) {
    if (url.starts_with("sqlite:") && url.find('@') == std::string_view::npos) {
        const auto question = url.find('?');
        return printable(url.substr(0, question)) + (question == std::string_view::npos ? "" : "?…");
    }
    const auto colon = url.find("://");
    const std::string_view scheme = url.substr(0, colon);
    constexpr std::string_view known[] = {"https", "http", "postgresql", "postgres"};
    if (colon == std::string_view::npos || std::ranges::find(known, scheme) == std::end(known)) return std::string(masked);
    std::string_view rest = url.substr(colon + 3);
    const auto at = rest.rfind('@');  // the last: a password may have anything in it
    if (at != std::string_view::npos) rest.remove_prefix(at + 1);
    const auto end = rest.find_first_of("/?#");
    const std::string_view authority = rest.substr(0, end);
    const bool more = end != std::string_view::npos && rest.substr(end) != "/";
    return std::string(scheme) + "://" + (at == std::string_view::npos ? "" : "***@") +
           std::string(is_authority(authority) ? authority : masked) + (more ? "/…" : "");
}

}  // namespace kedge::config::detail
