// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/pool_parts.hpp>

#include <utility>

namespace kedge::core {

/** The connections that the pool itself talks to: reset between two leases, or checked at rest.
 *
 *  Whoever waits may count on a reset, which is a round trip or two, so that a return under load opens no further
 *  connection. Nobody counts on one that takes as long as to open another would, nor on a check: its connection may turn
 *  out dead, after the whole limit of an operation.
 */
class resetting_connections {
public:
    explicit resetting_connections(const pool_rules& rules) noexcept : watch_(slot_state::resetting, rules.slow_reset) {}

    int size() const noexcept { return resets_ + checks_; }
    /// Those that nobody counts on.
    int doubtful() const noexcept { return checks_ + slow_; }
    bool may_check() const noexcept { return checks_ < most_checks; }

    /// When another reset becomes doubtful; not later.
    time_point due() const noexcept { return resets_ > slow_ ? watch_.due() : never; }

    void begin_reset(pool_slot& slot, time_point now) noexcept {
        slot.state = slot_state::resetting;
        slot.since = now;
        watch_.entered(slot, ++resets_);
    }
    void begin_check(pool_slot& slot) noexcept {
        slot.state = slot_state::resetting;
        slot.checked = slot.overdue = true;
        ++checks_;
    }
    /// True: it was a check.
    bool ended(pool_slot& slot) noexcept {
        const bool checked = std::exchange(slot.checked, false);
        if (checked) --checks_;
        else --resets_, slow_ -= slot.overdue;
        return checked;
    }
    /// How many will be free soon. @param slots all of the pool
    int soon(pool_slot* slots, time_point now) noexcept {
        while (resets_ > slow_ && watch_.next(slots, now)) ++slow_;
        return resets_ - slow_;
    }

private:
    int resets_ = 0, checks_ = 0, slow_ = 0;
    overdue_watch watch_;
};

}  // namespace kedge::core
