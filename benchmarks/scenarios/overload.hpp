// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

namespace pool_scenarios::overload {

inline constexpr int connections = 20;
inline constexpr nanoseconds query = 5ms, lasts = 5s;
inline constexpr double capacity = connections * 1e9 / static_cast<double>(query.count());  ///< per second

/// The line of those who wait is 80 ms long when it is full.
inline constexpr nanoseconds long_patience = 100ms, short_patience = 50ms;

/// Half as much again as the server can do comes, for 5 s. How many per second are answered before their deadline, as a
/// share of what the server can do: a query that is answered too late has cost it as much as any other.
inline double goodput(nanoseconds patience, std::uint64_t seed, nanoseconds acquire_timeout = 30s) {
    server s(seed);
    pool p(s.sim, {.max = connections, .acquire_timeout = acquire_timeout}, connector{&s});
    warm_up(s, p, connections);
    visits all;
    const time_point end = s.sim.now() + lasts;
    play(s, p, {.per_second = 1.5 * capacity, .hold = query, .patience = patience}, end, all);
    const auto good = std::ranges::count_if(
        all, [=](const visit& v) { return v.served() && v.ended <= std::min(v.wanted + patience, end); });
    return static_cast<double>(good) / (capacity * std::chrono::duration<double>(lasts).count());
}

}  // namespace pool_scenarios::overload
