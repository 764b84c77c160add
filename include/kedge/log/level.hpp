// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string_view>

namespace kedge::log {

/// How serious a record is; ordered.
enum class level : std::uint8_t { trace, debug, info, warning, error, critical };

/// The name as Python's logging spells it, so that one search finds the records of both worlds: "WARNING".
constexpr std::string_view name_of(level severity) noexcept {
    switch (severity) {
    case level::trace: return "TRACE";
    case level::debug: return "DEBUG";
    case level::info: return "INFO";
    case level::warning: return "WARNING";
    case level::error: return "ERROR";
    case level::critical: return "CRITICAL";
    }
    return "UNKNOWN";
}

}  // namespace kedge::log
