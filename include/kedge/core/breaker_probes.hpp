// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <cstdint>

namespace kedge::core {

/** The probes of one half-open cycle: three, one at a time, all of which must succeed.
 *
 *  At most one is under way, known by its serial number, so a slot cannot be given back twice and a result that comes
 *  after its probe was written off finds another serial. A probe that never reports cannot wedge the breaker: after its
 *  lease it counts as failed (resilience4j#935 and its family).
 */
class breaker_probes {
public:
    static constexpr int needed = 3;
    static constexpr std::uint32_t first_serial = std::uint32_t{1} << 31;

    void begin_cycle() noexcept { succeeded_ = 0, under_way_ = 0; }

    bool busy() const noexcept { return under_way_ != 0; }
    bool is_under_way(std::uint32_t serial) const noexcept { return busy() && serial == under_way_; }
    bool expired(time_point now) const noexcept { return busy() && now >= lease_until_; }
    time_point lease_until() const noexcept { return lease_until_; }
    int succeeded() const noexcept { return succeeded_; }

    /// @pre not busy @return its serial number, @ref first_serial or more: smaller ones mean other things in a ticket
    std::uint32_t begin(time_point now, nanoseconds lease) noexcept {
        last_serial_ = first_serial | (last_serial_ + 1);
        under_way_ = last_serial_;
        lease_until_ = saturating_add(now, lease);
        return under_way_;
    }

    /// It told nothing: its slot is free again.
    void give_back() noexcept { under_way_ = 0; }

    /// True when it was the last one needed.
    bool succeed() noexcept {
        under_way_ = 0;
        return ++succeeded_ == needed;
    }

private:
    std::uint32_t last_serial_ = 0, under_way_ = 0;
    int succeeded_ = 0;
    time_point lease_until_{};
};

}  // namespace kedge::core
