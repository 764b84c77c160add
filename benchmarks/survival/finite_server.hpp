// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <algorithm>

namespace survival {

/// Requests a second, fewer for a while.
struct capacity {
    double usual, fallen;
    time_point falls, recovers;

    double at(time_point t) const noexcept { return t >= falls && t < recovers ? fallen : usual; }
    time_point next_change(time_point t) const noexcept { return t < falls ? falls : t < recovers ? recovers : kedge::never; }
};

/// A server that serves one request after the other, in order of arrival. What it has taken it serves, also when whoever
/// asked is gone: its queue is full of requests that help nobody, and every repetition makes it longer.
class finite_server {
public:
    explicit finite_server(const capacity& can) noexcept : can_(can) {}

    /// @param work  what the request costs; 1 is usual @return when it has been served, if it arrives now
    time_point serve(time_point now, double work) noexcept {
        time_point at = std::max(now, idle_from_);
        for (double left = work; left > 0;) {
            const nanoseconds needed(static_cast<std::int64_t>(left * 1e9 / can_.at(at)));
            const time_point change = can_.next_change(at);
            if (change == kedge::never || needed <= change - at) return idle_from_ = at + needed;
            left -= std::chrono::duration<double>(change - at).count() * can_.at(at);
            at = change;
        }
        return idle_from_ = at;
    }

private:
    capacity can_;
    time_point idle_from_{};
};

}  // namespace survival
