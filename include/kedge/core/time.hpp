// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace kedge {

using std::chrono::nanoseconds;

/// A moment of the steady clock. Deadlines are moments, timeouts are durations.
using time_point = std::chrono::time_point<std::chrono::steady_clock, nanoseconds>;

/// The deadline of something that has none.
inline constexpr time_point never = time_point::max();

namespace core {

/// `start + span` that stops at @ref never instead of overflowing; a negative span counts as zero.
constexpr time_point saturating_add(time_point start, nanoseconds span) noexcept {
    if (span <= nanoseconds::zero()) return start;
    return start > never - span ? never : start + span;
}

}  // namespace core
}  // namespace kedge
