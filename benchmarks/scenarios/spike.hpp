// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

namespace pool_scenarios::spike {

inline constexpr int requests = 50, most_opened = 6;

struct seen {
    int opened = 0, refused = 0;
    nanoseconds until_all_served{0};
};

/// Fifty requests of 2 ms at once, an empty pool that may grow to 50, and connections that take 150 ms: those that come
/// back serve the rest sooner than new ones would (HikariCP's "Welcome to the jungle").
inline seen play(std::uint64_t seed) {
    server s(seed);
    s.connect = 150ms;
    pool p(s.sim, {.max = requests}, connector{&s});
    visits all;
    for (int i = 0; i < requests; ++i) start_visit(s, p, 2ms, all);
    s.sim.run();

    seen found{.opened = static_cast<int>(s.dials.size())};
    for (const visit& v : all) {
        found.refused += !v.served();
        found.until_all_served = std::max(found.until_all_served, v.ended.time_since_epoch());
    }
    return found;
}

}  // namespace pool_scenarios::spike
