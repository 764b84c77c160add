// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace kedge::config::detail {

struct time_unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

inline constexpr time_unit time_units[] = {{"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000},
                                           {"ms", 1'000'000},        {"us", 1'000},         {"ns", 1}};

/// All of `text` as a whole number, without sign or blanks in front; what is too large for the type is as large as that can be.
inline std::optional<std::int64_t> whole_number(std::string_view text) noexcept {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    std::int64_t value = 0;
    const auto failed = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    return failed == std::errc() ? value : std::numeric_limits<std::int64_t>::max();
}

/// "250ms", "5s"; what is too long for the type is as long as that can be. @param bare "5000" is milliseconds
inline std::optional<nanoseconds> parse_duration(std::string_view text, bool bare) noexcept {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view name = text.substr(digits);
    if (digits == 0) return std::nullopt;
    for (const time_unit& unit : time_units) {
        if (unit.name != name && !(name.empty() && bare && unit.name == "ms")) continue;
        const std::int64_t count = *whole_number(text.substr(0, digits));
        const std::int64_t most = std::numeric_limits<std::int64_t>::max() / unit.nanoseconds;
        return count > most ? nanoseconds::max() : nanoseconds(count * unit.nanoseconds);
    }
    return std::nullopt;
}

/// In the largest unit that says it exactly.
inline std::string duration_text(nanoseconds span) {
    for (const time_unit& unit : time_units)
        if (span.count() != 0 && span.count() % unit.nanoseconds == 0)
            return std::to_string(span.count() / unit.nanoseconds) + std::string(unit.name);
    return "0s";
}

}  // namespace kedge::config::detail
