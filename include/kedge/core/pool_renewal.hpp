// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/pool_parts.hpp>

#include <algorithm>
#include <cstdint>

namespace kedge::core {

/** Replaces connections at the end of their lifetimes: one at a time and spaced, so that those born together do not die
 *  together; the new one first while the maximum has room for it, else the old one first.
 *  A connection is due between 90 and 100 % of `max_lifetime`. One that could not be replaced by 110 % is not lent again.
 */
class connection_renewal {
public:
    explicit connection_renewal(const pool_rules& rules) noexcept
        : lifetime_(rules.max_lifetime), margin_(rules.max_lifetime / lifetime_margin) {}

    /// A connection that is due, and that nobody uses. True: it is to be closed now.
    bool takes(bool room, int max, time_point now) noexcept {
        if (phase_ == phase::made) return true;
        if (phase_ != phase::none || now < next_) return false;
        next_ = saturating_add(now, margin_ / max);
        phase_ = phase::making;
        return !room;  // its end makes this a replacement
    }

    /// The next one's turn; @ref never while it waits for something else than time.
    time_point next(time_point now) const noexcept { return next_ > now ? next_ : never; }

    /// Its successor is there; the old one is not closed yet.
    bool has_one_too_many() const noexcept { return phase_ == phase::made; }
    bool wants_one() const noexcept { return phase_ == phase::making || phase_ == phase::replacing; }

    void opened(pool_slot& slot, time_point now, std::uint64_t random) noexcept {
        const bool mortal = lifetime_ > nanoseconds::zero();
        slot.renew_at = mortal ? saturating_add(now, lifetime_ - random_up_to(margin_, random)) : never;
        slot.retire_at = mortal ? saturating_add(now, lifetime_ + margin_) : never;
        phase_ = phase_ == phase::making ? phase::made : phase::none;
    }
    /// Whatever it was closed for, it need not be closed once more.
    void lost_one() noexcept {
        if (phase_ == phase::making) phase_ = phase::replacing;
        else if (phase_ == phase::made) phase_ = phase::none;
    }
    void give_up() noexcept { phase_ = phase::none; }

private:
    enum class phase : std::uint8_t { none, making, made, replacing };

    nanoseconds lifetime_, margin_;
    time_point next_{};
    phase phase_ = phase::none;
};

}  // namespace kedge::core
