// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>

namespace kedge::aws::detail {

/// Since 1970.
inline std::int64_t milliseconds_of(std::chrono::system_clock::time_point when) noexcept {
    return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

/// The service refuses signatures that are five minutes off.
inline constexpr std::chrono::milliseconds harmful_skew = std::chrono::minutes(4);

/** How far the service's clock is ahead of ours. */
class clock_skew {
public:
    /** From the `Date` of an answer that was not kept by a cache (no `Age`).
     *  @param date_ms  the service's time
     *  @param sent_ms, received_ms  ours, of the wall clock, when the request left and the answer had come */
    void observe(std::int64_t date_ms, std::int64_t sent_ms, std::int64_t received_ms) noexcept {
        constexpr std::int64_t longest_trip_ms = 15 * 60'000;
        if (received_ms < sent_ms || received_ms - sent_ms > longest_trip_ms) return;  // the clock was set meanwhile
        ahead_ = std::chrono::milliseconds(date_ms - (sent_ms + (received_ms - sent_ms) / 2));
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
};

}  // namespace kedge::aws::detail
