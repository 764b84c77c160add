// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace kedge::aws::detail {

/// Since 1970.
inline std::int64_t milliseconds_of(std::chrono::system_clock::time_point when) noexcept {
    return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

/// The service refuses signatures that are five minutes off.
inline constexpr std::chrono::milliseconds harmful_skew = std::chrono::minutes(4);

struct moment {
    time_point steady{};
    std::int64_t wall_ms = 0;  ///< our clock's, not corrected
};

/** What time it is at the service, told in two ways. They differ if our clock was set since it was compared, and then the pause
 *  is right; or if the machine slept, which steady clocks do not notice, and then our clock is. So a verdict that costs an event
 *  needs both. */
struct service_time {
    std::int64_t by_clock = 0;  ///< ours, corrected by what it was off
    std::int64_t by_pause = 0;  ///< what it was there, and how long ago that is

    std::int64_t earliest() const noexcept { return std::min(by_clock, by_pause); }
    std::int64_t latest() const noexcept { return std::max(by_clock, by_pause); }
};

/** How far the service's clock is ahead of ours. */
class clock_skew {
public:
    /** From the `Date` of an answer that was not kept by a cache (no `Age`).
     *  @param date_ms  the service's time
     *  @param sent_ms, received_ms  ours, of the wall clock, when the request left and the answer had come
     *  @param now  that of `received_ms` */
    void observe(std::int64_t date_ms, std::int64_t sent_ms, std::int64_t received_ms, time_point now) noexcept {
        constexpr std::int64_t longest_trip_ms = 15 * 60'000;
        if (received_ms < sent_ms || received_ms - sent_ms > longest_trip_ms) return;  // the clock was set meanwhile
        ahead_ = std::chrono::milliseconds(date_ms - (sent_ms + (received_ms - sent_ms) / 2));
        seen_ = {now, received_ms + ahead_.count()};
        is_known_ = true;
    }

    /// Until then @ref theirs is our clock, which may be any.
    bool is_known() const noexcept { return is_known_; }
    service_time theirs(const moment& now) const noexcept {
        const std::int64_t by_clock = now.wall_ms + ahead_.count();
        if (!is_known_) return {by_clock, by_clock};
        return {by_clock, seen_.wall_ms + std::chrono::floor<std::chrono::milliseconds>(now.steady - seen_.steady).count()};
    }

    /// To add to our clock for the service's.
    std::chrono::milliseconds ahead() const noexcept { return ahead_; }

    /// Whether a request that was signed with `then` would look different now: its refusal may have been our clock's fault.
    bool corrected_since(std::chrono::milliseconds then) const noexcept {
        const std::chrono::milliseconds moved = ahead_ > then ? ahead_ - then : then - ahead_;
        return moved > harmful_skew;
    }

private:
    std::chrono::milliseconds ahead_{0};
    moment seen_{};  ///< the service's clock, when it was compared last
    bool is_known_ = false;
};

}  // namespace kedge::aws::detail
