// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/impl/characters.hpp>
#include <kedge/http/url.hpp>

#include <boost/asio/ip/address.hpp>

#include <charconv>
#include <stdexcept>

namespace kedge::http {

namespace detail {

[[noreturn]] inline void refuse_url(const char* why) {
    throw std::invalid_argument(std::string("kedge::http: ") + why + "; accepted: " + std::string(accepted_urls));
}

inline bool is_ip(const std::string& host) noexcept {
    boost::system::error_code ec;
    boost::asio::ip::make_address(host, ec);
    return !ec;
}

/// Letters, digits, hyphens; labels of 1 to 63. What looks like an address must be one: "1.2.3" and "0x7f.1" are not names.
inline bool is_name(std::string_view host) noexcept {
    if (host.empty() || host.size() > 253) return false;
    std::size_t label = 0, last_label = 0;
    for (std::size_t i = 0; i < host.size(); ++i) {
        const char c = host[i];
        if (c == '.') {
            if (label == 0 || host[i - 1] == '-') return false;
            label = 0;
            last_label = i + 1;
            continue;
        }
        const bool plain = (c >= 'a' && c <= 'z') || is_digit(c);
        if ((!plain && (c != '-' || label == 0)) || ++label > 63) return false;
    }
    return label > 0 && host.back() != '-' && !is_digit(host[last_label]);
}

inline std::uint16_t parse_port(std::string_view text) {
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value == 0 || value > 65535)
        refuse_url("the port must be 1 to 65535");
    return static_cast<std::uint16_t>(value);
}

inline void parse_authority(std::string_view text, url& to) {
    if (text.find('@') != std::string_view::npos) refuse_url("no user or password belongs in the URL");
    const bool bracketed = text.starts_with('[');
    const auto end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && end == std::string_view::npos) refuse_url("the ] after the IPv6 address is missing");
    to.host = std::string(bracketed ? text.substr(1, end - 1) : text.substr(0, end));
    for (char& c : to.host)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (to.host.empty()) refuse_url("the host is missing");
    const bool six = to.host.find(':') != std::string::npos && to.host.find('%') == std::string::npos && is_ip(to.host);
    if (bracketed ? !six : !is_ip(to.host) && !is_name(to.host)) refuse_url("the host is neither a name nor an IP address");
    std::string_view rest = end == std::string_view::npos ? std::string_view() : text.substr(end + (bracketed ? 1 : 0));
    if (rest.empty()) return;
    if (rest[0] != ':') refuse_url("only :port may follow the host");
    to.port = parse_port(rest.substr(1));
}

}  // namespace detail

KEDGE_DECL bool url::is_address() const noexcept { return detail::is_ip(host); }

KEDGE_DECL std::string url::authority() const {
    const bool plain = host.find(':') == std::string::npos;
    std::string out(plain ? "" : "[");  // appended: GCC 12 at -O3 warns of what `"[" + host` would overlap
    out += host;
    if (!plain) out += ']';
    if (port != (tls ? 443 : 80)) out.append(1, ':').append(std::to_string(port));
    return out;
}

KEDGE_DECL url parse_url(std::string_view text, bool allow_plain) {
    url out;
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) detail::refuse_url("the URL has no scheme");
    const std::string_view scheme = text.substr(0, colon);
    if (detail::same_name(scheme, "http")) {
        if (!allow_plain) detail::refuse_url("http:// is not encrypted and has to be allowed explicitly");
        out.tls = false;
        out.port = 80;
    } else if (!detail::same_name(scheme, "https")) {
        detail::refuse_url("unknown scheme");
    }
    const std::string_view rest = text.substr(colon + 3);
    const auto slash = rest.find_first_of("/?#");
    detail::parse_authority(rest.substr(0, slash), out);
    if (slash == std::string_view::npos) return out;
    out.base = std::string(rest.substr(slash));
    while (out.base.ends_with('/')) out.base.pop_back();
    if (!out.base.empty() && (out.base[0] != '/' || out.base.find('?') != std::string::npos || !detail::is_target(out.base)))
        detail::refuse_url("the base path has a character that it may not have, a query or a fragment");
    return out;
}

}  // namespace kedge::http
