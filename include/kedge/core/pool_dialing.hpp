// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/pool_parts.hpp>
#include <kedge/error.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstdint>

namespace kedge::core {

/** How many connections a pool may open at a time, and when: two; after a failure one prober, whose pauses grow; after
 *  that one, two again, so that a server that comes back is not stormed.
 *  An error that is `condition::permanent` counts as if dialing had failed for long: down at once, the longest pauses.
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
        if (failures_++ == 0) down_at_ = saturating_add(now, fail_after_);
        limit_ = 1;
        const bool permanent = why == condition::permanent;
        if (permanent) down_at_ = std::min(down_at_, now);
        const nanoseconds pause = permanent ? longest_pause(random) : growing_pause(random);
        next_ = saturating_add(now, pause);
        return pause;
    }

    /// When the server counts as down if nothing succeeds until then, and nothing is alive.
    time_point down_at() const noexcept { return failing() ? down_at_ : never; }
    void go_down() noexcept { down_ = true; }
    bool is_down() const noexcept { return down_; }

    int failures() const noexcept { return failures_; }
    time_point next() const noexcept { return next_; }
    const boost::system::error_code& last_error() const noexcept { return last_error_; }

private:
    nanoseconds growing_pause(std::uint64_t random) const noexcept {
        return jittered(doubled(redial_.base, failures_ - 1, redial_.cap), redial_.spread, random);
    }
    /// Never nearly nothing, as full jitter may be: servers lock accounts, and firewalls clients, that try too often.
    nanoseconds longest_pause(std::uint64_t random) const noexcept {
        return jittered(redial_.cap, redial_.spread == jitter::none ? jitter::none : jitter::equal, random);
    }

    backoff_rules redial_;
    nanoseconds fail_after_;
    int failures_ = 0, limit_ = most_dials;
    bool down_ = false;
    time_point down_at_{}, next_{};
    boost::system::error_code last_error_{};
};

}  // namespace kedge::core
