// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

namespace pool_scenarios::slow_dial {

inline constexpr int open = 4, burst = 40;
inline constexpr nanoseconds dial = 2s, query = 5ms;
inline constexpr nanoseconds most_wait = query * (burst / open);

struct seen {
    nanoseconds p99{0}, longest{0};
    int opened = 0;  ///< by the burst
};

/// Four connections are open when forty requests come, and a new one takes 2 s: whoever comes back serves those who wait,
/// who are not bound to the dials that they caused.
inline seen play(std::uint64_t seed) {
    server s(seed);
    s.connect = dial;
    pool p(s.sim, {.max = 20}, connector{&s});
    warm_up(s, p, open);
    const auto before = s.dials.size();
    visits all;
    for (int i = 0; i < burst; ++i) start_visit(s, p, query, all);
    s.sim.run();
    return {wait_percentile(all, 0.99), wait_percentile(all, 1), static_cast<int>(s.dials.size() - before)};
}

}  // namespace pool_scenarios::slow_dial
