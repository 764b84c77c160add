// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::http {

/// For messages.
inline constexpr std::string_view accepted_urls = "https://host[:port][/base-path]";

/// Where requests go.
struct url {
    bool tls = true;
    std::string host;  ///< lower case; an IPv6 address without its brackets
    std::uint16_t port = 443;
    std::string base;  ///< put before every target; empty or "/…" without a slash at its end

    bool is_address() const noexcept;  ///< an IP address rather than a name
    std::string authority() const;     ///< the value of `Host`
};

/** Parses `https://host[:port][/base-path]`; `http://` only if `allow_plain`.
 *  @throws std::invalid_argument names what is wrong and the accepted form; never a part of the URL, which may be secret
 */
url parse_url(std::string_view text, bool allow_plain = false);

}  // namespace kedge::http

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/url.ipp>
#endif
