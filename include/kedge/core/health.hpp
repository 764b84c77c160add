// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/backoff.hpp>
#include <kedge/core/event.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace kedge {

/// What a health monitor knows.
struct health_snapshot {
    health state = health::unknown;
    nanoseconds in_state{0};   ///< how long it has been so; zero while unknown
    std::uint64_t checks = 0;  ///< that have ended
    int failures_in_a_row = 0;
    boost::system::error_code last_error{};
};

namespace core {

/** From single checks to a state of health: the first check decides, later two of the last three must agree, so that one
 *  lost packet wakes nobody. Up with a breaker that is not closed is `degraded`: checks pass, but calls are refused. So is
 *  a check that kedge itself refused, for want of a connection say: it tells nothing of the dependency.
 *
 *  Not thread-safe. Time and randomness come in as arguments.
 */
class health_record {
public:
    /// One check ended. @return the change of state, if there is one; its `name` is left empty
    std::optional<health_changed> add(boost::system::error_code result, bool breaker_closed, time_point now) noexcept {
        ++checks_;
        bad_in_a_row_ = result ? bad_in_a_row_ + 1 : 0;
        if (result) last_error_ = result;
        recent_ = (recent_ << 1 | (result ? 1U : 0U)) & 7U;
        const unsigned bad = (recent_ & 1U) + (recent_ >> 1 & 1U) + (recent_ >> 2 & 1U);
        if (!std::exchange(decided_, true)) down_ = bad > 0, recent_ = down_ ? 7U : 0U;
        else down_ = bad >= 2;
        return enter(down_ ? health::down : breaker_closed ? health::up : health::degraded, now);
    }

    /// One check did not get as far as the dependency. What was known of it stands. @return as @ref add
    std::optional<health_changed> refused(boost::system::error_code why, time_point now) noexcept {
        ++checks_;
        last_error_ = why;
        if (down_) return std::nullopt;
        return enter(health::degraded, now);
    }

    health_snapshot snapshot(time_point now) const noexcept {
        const bool known = state_ != health::unknown;
        return {state_, known ? std::max(nanoseconds::zero(), now - since_) : nanoseconds::zero(), checks_,
                bad_in_a_row_, last_error_};
    }

    /// The wait until the next check: the interval, a tenth more or less.
    static nanoseconds next_wait(nanoseconds interval, std::uint64_t random) noexcept {
        return interval - interval / 10 + random_up_to(interval / 5, random);
    }

private:
    std::optional<health_changed> enter(health next, time_point now) noexcept {
        const health from = std::exchange(state_, next);
        if (from == next) return std::nullopt;
        since_ = now;
        return health_changed{{}, from, next, next == health::up ? boost::system::error_code{} : last_error_};
    }

    health state_ = health::unknown;
    unsigned recent_ = 0;  ///< the last three, the newest lowest; 1: bad
    bool decided_ = false, down_ = false;
    std::uint64_t checks_ = 0;
    int bad_in_a_row_ = 0;
    time_point since_{};
    boost::system::error_code last_error_{};
};

}  // namespace core
}  // namespace kedge
