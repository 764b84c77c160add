// SPDX-License-Identifier: BSL-1.0
#pragma once

// E4: a dependency comes back after half a minute in which it refused everything. How gently is it asked again?

#include "outage.hpp"

namespace survival::recovery {

using outage::begins;
inline constexpr time_point ends = begins + 30s;
inline constexpr nanoseconds long_enough = 82s;  ///< the longest pause of any column's breaker, and the second that counts
inline constexpr int most_dials = 6, most_probes = 3;

/// From the end of the outage until a second after the first request that succeeds.
struct start {
    int dials = 0;
    int requests = 0;  ///< that came while the breaker was not closed; all of them if there is none
    bool connects = false;  ///< other columns than those with a pool do not dial
    bool came_back = false;
};

inline start play(const column& how, std::uint64_t seed, nanoseconds afterwards = long_enough) {
    dependency to(seed);
    start found;
    std::uint64_t dials = 0;
    time_point counts_until = kedge::never;
    const auto is_on = [&] { return to.sim.now() >= begins && to.sim.now() < ends; };
    const auto counts = [&] { return to.sim.now() >= ends && to.sim.now() < counts_until; };
    const error_code refused = boost::asio::error::connection_refused;
    to.behave = [&](std::uint64_t call, int attempt) {
        if (is_on()) return answer{refused, varied(1ms, chance(seed, call, attempt))};
        if (counts_until == kedge::never && to.sim.now() >= ends) counts_until = to.sim.now() + 1s;
        found.requests += counts() && !(to.has_breaker && to.breaker_closed);
        return answer{{}, 10ms};
    };
    to.connect = [&] {
        found.connects = true;
        if (is_on()) return answer{refused, varied(1ms, chance(~seed, ++dials))};
        found.dials += counts();
        return answer{{}, 100ms};
    };
    outage::play(to, how, ends + afterwards);
    found.came_back = counts_until != kedge::never;
    return found;
}

}  // namespace survival::recovery
