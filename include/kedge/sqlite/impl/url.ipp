// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/connection_concept.hpp>
#include <kedge/sqlite/url.hpp>

#include <string>
#include <string_view>

namespace kedge::sqlite {

namespace detail {

constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

inline std::string percent_decoded(std::string_view url, std::string_view part) {
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] != '%') {
            out += part[i];
            continue;
        }
        const int high = i + 2 < part.size() ? hex_digit(part[i + 1]) : -1;
        const int low = i + 2 < part.size() ? hex_digit(part[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            kedge::detail::refuse_url(url, "a % in the path needs two hexadecimal digits, not 00", accepted_urls);
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

inline access parse_mode(std::string_view url, std::string_view query) {
    if (query.empty()) return access::read_write_create;
    if (query == "mode=ro") return access::read_only;
    if (query == "mode=rw") return access::read_write;
    if (query == "mode=rwc") return access::read_write_create;
    kedge::detail::refuse_url(url, "the only setting after ? is mode", accepted_urls);
}

}  // namespace detail

KEDGE_DECL location parse_url(std::string_view url) {
    constexpr std::string_view prefix = "sqlite:";
    if (!url.starts_with(prefix)) kedge::detail::refuse_url(url, "this client speaks to SQLite only", accepted_urls);
    std::string_view rest = url.substr(prefix.size());
    if (rest == ":memory:") return {{}, access::read_write_create, true};
    if (rest.starts_with("//")) rest.remove_prefix(2);
    if (url.substr(prefix.size()).starts_with("//") && !rest.starts_with('/'))
        kedge::detail::refuse_url(url, "there is no host in the URL of a file", accepted_urls);
    const auto question = rest.find('?');
    const std::string_view query = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
    location where{detail::percent_decoded(url, rest.substr(0, question)), detail::parse_mode(url, query), false};
    if (where.path.empty()) kedge::detail::refuse_url(url, "the path is missing", accepted_urls);
    if (where.path.starts_with(':')) kedge::detail::refuse_url(url, "no such special database", accepted_urls);
    if (kedge::detail::check_text(where.path))
        kedge::detail::refuse_url(url, "the path holds a NUL or invalid UTF-8", accepted_urls);
    return where;
}

}  // namespace kedge::sqlite
