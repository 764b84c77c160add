// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/pool_parts.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstdint>

namespace kedge::core {

/** How many connections a pool may open at a time, and when: two; after a failure one prober, whose pauses grow; after
 *  that one, two again, so that a server that comes back is not stormed.
 */
class dial_pace {
public:
    explicit dial_pace(const pool_rules& rules) noexcept : redial_(rules.redial), fail_after_(rules.fail_after) {}

    bool allows_another(int under_way) const noexcept { return under_way < limit_; }
    bool pausing(time_point now) const noexcept { return now < next_; }
    bool failing() const noexcept { return failures_ > 0; }

    void succeeded() noexcept {
        failures_ = 0;
        down_ = false;
        next_ = {};
        limit_ = std::min(limit_ * 2, most_dials);
    }

    /// Returns the pause until the next attempt.
    nanoseconds failed(const boost::system::error_code& why, time_point now, std::uint64_t random) noexcept {
        last_error_ = why;
        if (failures_++ == 0) failing_since_ = now;
        limit_ = 1;
        const nanoseconds pause = jittered(doubled(redial_.base, failures_ - 1, redial_.cap), redial_.spread, random);
        next_ = saturating_add(now, pause);
        return pause;
    }

    /// When the server counts as down if nothing succeeds until then, and nothing is alive.
    time_point down_at() const noexcept { return failing() ? saturating_add(failing_since_, fail_after_) : never; }
    void go_down() noexcept { down_ = true; }
    bool is_down() const noexcept { return down_; }

    int failures() const noexcept { return failures_; }
    time_point next() const noexcept { return next_; }
    const boost::system::error_code& last_error() const noexcept { return last_error_; }

private:
    backoff_rules redial_;
    nanoseconds fail_after_;
    int failures_ = 0, limit_ = most_dials;
    bool down_ = false;
    time_point failing_since_{}, next_{};
    boost::system::error_code last_error_{};
};

}  // namespace kedge::core
