// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/impl/characters.hpp>
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

/// Takes what is expected from the left of a text, and remembers whether everything was there.
class date_reader {
public:
    explicit date_reader(std::string_view text) noexcept : rest_(text) {}

    bool whole() const noexcept { return good_ && rest_.empty(); }
    bool next_is(char c) const noexcept { return rest_.starts_with(c); }
    void skip(std::string_view text) noexcept {
        good_ = good_ && rest_.starts_with(text);
        if (good_) rest_.remove_prefix(text.size());
    }
    int number(std::size_t size) noexcept {
        const auto value = digits(rest_.substr(0, size));
        good_ = good_ && rest_.size() >= size && value;
        if (!good_) return 0;
        rest_.remove_prefix(size);
        return static_cast<int>(*value);
    }
    /// The place of the first three letters among `names`, which have three letters each.
    int name(std::string_view names) noexcept {
        const auto at = names.find(rest_.substr(0, 3));
        good_ = good_ && rest_.size() >= 3 && at != std::string_view::npos && at % 3 == 0;
        if (!good_) return 0;
        rest_.remove_prefix(3);
        return static_cast<int>(at / 3);
    }
    int month() noexcept { return name("JanFebMarAprMayJunJulAugSepOctNovDec") + 1; }
    int weekday() noexcept { return name("MonTueWedThuFriSatSun"); }
    std::int64_t time_of_day() noexcept {
        const int h = number(2);
        skip(":");
        const int m = number(2);
        skip(":");
        const int s = number(2);
        good_ = good_ && h < 24 && m < 60 && s <= 60;
        return h * std::int64_t{3600} + m * 60 + s;
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

/// The year that `two` digits mean: the one within fifty years of `around`.
constexpr int full_year(int two, int around) noexcept {
    const int year = around - around % 100 + two;
    return year > around + 50 ? year - 100 : year < around - 49 ? year + 100 : year;
}

/// The three forms of RFC 9110, 5.6.7, in seconds since 1970. @param around the present year
inline std::optional<std::int64_t> http_date(std::string_view s, int around) noexcept {
    date_reader r(s);
    const int weekday = r.weekday();
    int year = 0, month = 0, day = 0;
    std::int64_t time = 0;
    const std::size_t comma = s.find(',');
    if (comma == 3) {  // Sun, 06 Nov 1994 08:49:37 GMT
        r.skip(", "), day = r.number(2), r.skip(" "), month = r.month(), r.skip(" "), year = r.number(4);
        r.skip(" "), time = r.time_of_day(), r.skip(" GMT");
    } else if (comma != s.npos) {  // Sunday, 06-Nov-94 08:49:37 GMT
        constexpr std::array endings{"day", "sday", "nesday", "rsday", "day", "urday", "day"};
        r.skip(endings[static_cast<std::size_t>(weekday)]);
        r.skip(", "), day = r.number(2), r.skip("-"), month = r.month(), r.skip("-");
        year = full_year(r.number(2), around);
        r.skip(" "), time = r.time_of_day(), r.skip(" GMT");
    } else {  // Sun Nov  6 08:49:37 1994
        r.skip(" "), month = r.month(), r.skip(" ");
        const bool padded = r.next_is(' ');
        if (padded) r.skip(" ");
        day = r.number(padded ? 1 : 2), r.skip(" "), time = r.time_of_day(), r.skip(" "), year = r.number(4);
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!r.whole() || !date.ok()) return {};
    return std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400} + time;
}

/// @param seconds since 1970
inline int year_of(std::int64_t seconds) noexcept {
    using namespace std::chrono;
    return static_cast<int>(year_month_day(floor<days>(sys_seconds(std::chrono::seconds(seconds)))).year());
}

/// The moment from which a date in the answer counts, in seconds since 1970.
inline std::optional<std::int64_t> answered_at(const response& r, std::optional<wall_time> received) noexcept {
    using namespace std::chrono;
    std::optional<std::int64_t> ours;
    if (received) ours = floor<seconds>(*received).time_since_epoch().count();
    const auto theirs = http_date(trimmed(r["date"]), ours ? year_of(*ours) : 2000);
    return theirs ? theirs : ours;
}

}  // namespace detail

KEDGE_DECL nanoseconds retry_after(const response& r, std::optional<wall_time> received) noexcept {
    std::int64_t longest = 0;
    for (const header& h : r.headers) {
        if (!detail::same_name(h.name, "retry-after")) continue;
        const std::string_view field = detail::trimmed(h.value);
        std::int64_t wanted = 0;
        if (const auto seconds = detail::digits(field)) wanted = *seconds;
        else if (const auto now = detail::answered_at(r, received)) {
            if (const auto then = detail::http_date(field, detail::year_of(*now))) wanted = *then - *now;
        }
        longest = std::max(longest, std::min(wanted, detail::longest_retry_after));
    }
    return std::chrono::seconds(longest);
}

KEDGE_DECL std::optional<wall_time> date_of(const response& r, wall_time received) noexcept {
    using namespace std::chrono;
    const auto ours = floor<seconds>(received).time_since_epoch().count();
    const auto theirs = detail::http_date(detail::trimmed(r["date"]), detail::year_of(ours));
    constexpr std::int64_t end = sys_seconds(sys_days(year(2201) / January / 1)).time_since_epoch().count();
    if (!theirs || *theirs < 0 || *theirs >= end) return {};  // far beyond nanoseconds would overflow
    return wall_time(seconds(*theirs));
}

KEDGE_DECL verdict kedge_classify(const error_code& ec, const response& r) noexcept {
    if (ec) return classify(ec);
    if (r.status == 429 || r.status == 503) return {kind::overload, replay::if_idempotent, retry_after(r)};
    if (r.status >= 500) return {kind::failure, replay::if_idempotent, retry_after(r)};
    return {};
}

}  // namespace kedge::http
