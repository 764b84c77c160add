// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/value.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kedge::detail {

/// Reads a text from the left; every step says whether it found what it was asked for.
class text_cursor {
public:
    explicit text_cursor(std::string_view s) noexcept : rest_(s) {}

    bool at_end() const noexcept { return rest_.empty(); }
    bool skip(std::string_view wanted) noexcept {
        if (!rest_.starts_with(wanted)) return false;
        rest_.remove_prefix(wanted.size());
        return true;
    }

    /// A number without sign of `least` to `most` digits.
    bool number(int& into, std::size_t least, std::size_t most) noexcept {
        const auto digits = digits_here(most);
        if (digits < least) return false;
        std::from_chars(rest_.data(), rest_.data() + digits, into);
        rest_.remove_prefix(digits);
        return true;
    }

    /// What follows a decimal point, as microseconds; digits below are cut off.
    bool fraction(std::chrono::microseconds& into) noexcept {
        const auto digits = digits_here(rest_.size());
        if (digits == 0) return false;
        std::int64_t value = 0;
        for (std::size_t i = 0; i < 6; ++i) value = value * 10 + (i < digits ? rest_[i] - '0' : 0);
        into = std::chrono::microseconds(value);
        rest_.remove_prefix(digits);
        return true;
    }

private:
    std::size_t digits_here(std::size_t most) const noexcept {
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_digit);
        return std::min(static_cast<std::size_t>(end - rest_.begin()), most);
    }
    std::string_view rest_;
};

/// "Z", "+00", "-05:30", "+01:02:03"
inline bool read_offset(text_cursor& from, std::chrono::seconds& into) noexcept {
    if (from.skip("Z")) return true;
    const bool west = from.skip("-");
    if (!west && !from.skip("+")) return false;
    int hours = 0, minutes = 0, seconds = 0;
    if (!from.number(hours, 2, 2)) return false;
    if (from.skip(":") && !from.number(minutes, 2, 2)) return false;
    if (from.skip(":") && !from.number(seconds, 2, 2)) return false;
    into = std::chrono::hours(hours) + std::chrono::minutes(minutes) + std::chrono::seconds(seconds);
    if (west) into = -into;
    return true;
}

/// Years that std::chrono's calendar has; PostgreSQL's own go on to 294 276, and stay text.
inline constexpr int largest_year = static_cast<int>(std::chrono::year::max());

KEDGE_DECL std::optional<timestamp> parse_timestamp(std::string_view text) noexcept {
    using namespace std::chrono;
    text_cursor in(text);
    int y = 0, m = 0, d = 0, hour = 0, minute = 0, second = 0;
    microseconds fraction{0};
    seconds offset{0};
    const bool read = in.number(y, 4, 5) && in.skip("-") && in.number(m, 2, 2) && in.skip("-") && in.number(d, 2, 2) &&
                      (in.skip(" ") || in.skip("T")) && in.number(hour, 2, 2) && in.skip(":") && in.number(minute, 2, 2) &&
                      in.skip(":") && in.number(second, 2, 2) && (!in.skip(".") || in.fraction(fraction)) &&
                      read_offset(in, offset);
    if (!read || y > largest_year || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    if (in.skip(" BC")) y = 1 - y;
    const year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
    if (!in.at_end() || !date.ok()) return std::nullopt;
    return timestamp(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) + fraction - offset;
}

KEDGE_DECL std::string to_text(timestamp at) {
    using namespace std::chrono;
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const hh_mm_ss time(at - day);
    const int y = static_cast<int>(date.year());
    std::string text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", y > 0 ? y : 1 - y, unsigned(date.month()),
                                   unsigned(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count());
    if (time.subseconds().count() != 0) text += fmt::format(".{:06}", time.subseconds().count());
    return text + (y > 0 ? "+00:00" : "+00:00 BC");
}

inline constexpr std::size_t uuid_length = 36;
constexpr bool has_hyphen(std::size_t place) noexcept { return place == 8 || place == 13 || place == 18 || place == 23; }

KEDGE_DECL std::string to_text(const uuid& id) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(uuid_length);
    for (const std::uint8_t byte : id.data) {
        if (has_hyphen(text.size())) text += '-';
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

KEDGE_DECL std::optional<uuid> parse_uuid(std::string_view text) noexcept {
    if (text.size() != uuid_length) return std::nullopt;
    uuid id{};
    std::size_t next = 0;
    for (std::size_t i = 0; i < text.size(); i += has_hyphen(i) ? 1 : 2) {
        if (has_hyphen(i)) {
            if (text[i] != '-') return std::nullopt;
            continue;
        }
        const char* const pair = text.data() + i;
        if (std::from_chars(pair, pair + 2, id.data[next++], 16).ptr != pair + 2) return std::nullopt;
    }
    return id;
}

}  // namespace kedge::detail
