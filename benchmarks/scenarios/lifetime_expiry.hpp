// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

namespace pool_scenarios::lifetime_expiry {

inline constexpr int connections = 20;
inline constexpr nanoseconds lifetime = 10s, lasts = 12s;
inline constexpr stream visitors{.per_second = 3200, .hold = 5ms};  // sixteen of the twenty are in use

struct seen {
    nanoseconds p99{0}, longest{0};
    int renewed = 0;
};

/// All connections are of one age, and every one of them reaches the end of its lifetime within the run. New ones take 50 ms.
inline seen play(std::uint64_t seed, nanoseconds max_lifetime = lifetime) {
    server s(seed);
    s.connect = 1us;  // they are of one age
    pool p(s.sim, {.max = connections, .max_lifetime = max_lifetime}, connector{&s});
    warm_up(s, p, connections);
    s.connect = 50ms;
    const auto before = s.dials.size();
    visits all;
    pool_scenarios::play(s, p, visitors, s.sim.now() + lasts, all);
    return {wait_percentile(all, 0.99), wait_percentile(all, 1), static_cast<int>(s.dials.size() - before)};
}

}  // namespace pool_scenarios::lifetime_expiry
