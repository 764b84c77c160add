// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/message.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace kedge::http {

namespace detail {

inline constexpr std::int64_t longest_retry_after = 3600;

inline std::optional<std::int64_t> digits(std::string_view text) noexcept {
    std::int64_t value = 0;
    if (text.empty() || text.size() > 10 || text[0] < '0' || text[0] > '9') return {};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that may be sent today. In seconds since 1970.
inline std::optional<std::int64_t> http_date(std::string_view s) noexcept {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (s.size() != 29 || s.substr(3, 2) != ", " || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || s[19] != ':' ||
        s[22] != ':' || s.substr(25) != " GMT")
        return {};
    const auto month = months.find(s.substr(8, 3));
    const auto day = digits(s.substr(5, 2)), year = digits(s.substr(12, 4));
    const auto h = digits(s.substr(17, 2)), m = digits(s.substr(20, 2)), sec = digits(s.substr(23, 2));
    if (month == std::string_view::npos || month % 3 != 0 || !day || !year || !h || !m || !sec) return {};
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(static_cast<int>(*year)),
                              std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                              std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *h > 23 || *m > 59 || *sec > 60) return {};
    return sys_days(date).time_since_epoch().count() * std::int64_t{86400} + *h * 3600 + *m * 60 + *sec;
}

}  // namespace detail

KEDGE_DECL nanoseconds retry_after(const response& r) noexcept {
    std::int64_t longest = 0;
    for (const header& h : r.headers) {
        if (!detail::same_name(h.name, "retry-after")) continue;
        std::int64_t wanted = 0;
        if (const auto seconds = detail::digits(h.value)) wanted = *seconds;
        else if (const auto then = detail::http_date(h.value), now = detail::http_date(r["date"]); then && now)
            wanted = *then - *now;
        longest = std::max(longest, std::min(wanted, detail::longest_retry_after));
    }
    return std::chrono::seconds(longest);
}

KEDGE_DECL verdict kedge_classify(const error_code& ec, const response& r) noexcept {
    if (ec) return classify(ec);
    if (r.status == 429 || r.status == 503) return {kind::overload, replay::if_idempotent, retry_after(r)};
    if (r.status >= 500) return {kind::failure, replay::if_idempotent, retry_after(r)};
    return {};
}

}  // namespace kedge::http
