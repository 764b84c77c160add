// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>

#include <chrono>

// How states and times are called wherever they are logged.

namespace kedge::log::detail {

inline const char* name_of(breaker_state s) noexcept {
    constexpr const char* names[] = {"closed", "open", "half-open"};
    return names[static_cast<int>(s)];
}

inline const char* name_of(health s) noexcept {
    constexpr const char* names[] = {"unknown", "up", "degraded", "down"};
    return names[static_cast<int>(s)];
}

inline double ms(nanoseconds span) noexcept { return std::chrono::duration<double, std::milli>(span).count(); }

}  // namespace kedge::log::detail
