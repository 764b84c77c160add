// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/pool_parts.hpp>

namespace kedge::core {

/// The connections at rest: used last in, first out, so that what is not needed grows old at the other end.
class idle_connections {
public:
    explicit idle_connections(const pool_rules& rules) noexcept
        : idle_timeout_(rules.idle_timeout), keepalive_(rules.keepalive) {}

    int size() const noexcept { return static_cast<int>(queue_.size()); }
    bool empty() const noexcept { return queue_.empty(); }

    void push(pool_slot& slot, time_point now) noexcept {
        slot.since = now;
        rest(slot, now);
        queue_.push_front(slot);
    }
    /// After a check: it lives, but is as old as before.
    void push_coldest(pool_slot& slot, time_point now) noexcept {
        rest(slot, now);
        queue_.push_back(slot);
    }

    // All of these return null if there is none.

    pool_slot* pop_warmest() noexcept { return queue_.pop_front(); }
    pool_slot* pop_coldest() noexcept {
        return pop_if([](const pool_slot&) { return true; });
    }
    /// One that rested for too long, unless no more than `keep` are left. O(1): only the coldest is looked at.
    pool_slot* pop_surplus(int keep, time_point now) noexcept {
        return size() > keep && rested_too_long(*queue_.back(), now) ? pop_coldest() : nullptr;
    }
    pool_slot* pop_outlived(time_point now) noexcept {
        return pop_if([now](const pool_slot& s) { return s.retire_at <= now; });
    }
    /// One whose time to be replaced has come; it stays here.
    pool_slot* find_due(time_point now) const noexcept {
        return find([now](const pool_slot& s) { return s.renew_at <= now; });
    }
    pool_slot* pop(pool_slot* slot) noexcept {
        if (slot) queue_.remove(*slot);
        return slot;
    }
    /// One that is to be asked whether it lives.
    pool_slot* pop_silent(time_point now) noexcept {
        if (keepalive_ <= nanoseconds::zero()) return nullptr;
        return pop_if([&](const pool_slot& s) { return saturating_add(s.alive_at, keepalive_) <= now; });
    }

    bool rested_too_long(const pool_slot& slot, time_point now) const noexcept {
        return idle_timeout_ > nanoseconds::zero() && saturating_add(slot.since, idle_timeout_) <= now;
    }

private:
    static void rest(pool_slot& slot, time_point now) noexcept {
        slot.state = slot_state::idle;
        slot.alive_at = now;
    }

    template <class Condition> pool_slot* find(Condition wanted) const noexcept {
        pool_slot* s = queue_.back();
        while (s && !wanted(*s)) s = s->before;
        return s;
    }
    template <class Condition> pool_slot* pop_if(Condition wanted) noexcept { return pop(find(wanted)); }

    waiter_queue<pool_slot> queue_;
    nanoseconds idle_timeout_, keepalive_;
};

}  // namespace kedge::core
