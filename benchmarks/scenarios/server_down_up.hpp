// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <kedge/core/pool_parts.hpp>

#include <cmath>

namespace pool_scenarios::server_down_up {

inline constexpr time_point begins{2s}, ends = begins + 10s;
inline constexpr int max = 20;
inline constexpr stream visitors{.per_second = 400, .hold = 5ms};

/// So many dials fit into an outage of this length: pauses are drawn between 0 and a bound that doubles, so they are a sum
/// of chances. Exceeded once in about a thousand outages.
inline int most_dials_within(nanoseconds outage) {
    const kedge::core::backoff_rules& by = kedge::core::dial_backoff;
    const double span = static_cast<double>(outage.count());
    double mean = 0, variance = 0;
    int pauses = 0;
    while (mean - 3.1 * std::sqrt(variance) < span) {
        const auto bound = static_cast<double>(kedge::core::doubled(by.base, pauses++, by.cap).count());
        mean += bound / 2;
        variance += bound * bound / 12;
    }
    return pauses + kedge::core::most_dials;  // those under way when the first one failed
}

struct seen {
    int dials_while_down = 0;
    nanoseconds until_first_success{0};  ///< from the end of the outage
    int dials_in_first_second = 0;       ///< after the first success
    int needed = 0;                      ///< most connections in use in that second
    int slow_refusals = 0;               ///< calls that learned only after 1.5 s or more that the server was down
};

inline int most_at_once(const visits& all, time_point from, time_point to) {
    std::vector<std::pair<time_point, int>> changes;
    for (const visit& v : all)
        if (v.served() && v.granted >= from && v.granted < to) changes.insert(changes.end(), {{v.granted, 1}, {v.ended, -1}});
    std::ranges::sort(changes);
    int now = 0, most = 0;
    for (const auto& [at, change] : changes) most = std::max(most, now += change);
    return most;
}

/// Every connection is lost, and for 10 s new ones are refused.
inline seen play(std::uint64_t seed) {
    server s(seed);
    pool p(s.sim, {.max = max}, connector{&s});
    kedge::timer down(s.sim), up(s.sim);
    down.expires_at(begins);
    down.async_wait([&](error_code) { s.go_down(); });
    up.expires_at(ends);
    up.async_wait([&](error_code) { s.is_down = false; });
    visits all;
    pool_scenarios::play(s, p, visitors, ends + 10s, all);

    seen found;
    found.dials_while_down = static_cast<int>(
        std::ranges::count_if(s.dials, [](time_point t) { return t >= begins && t < ends; }));
    const auto first = std::ranges::find_if(all, [](const visit& v) { return v.served() && v.granted >= ends; });
    if (first == all.end()) return found.until_first_success = nanoseconds::max(), found;
    const time_point back = first->granted;
    found.until_first_success = back - ends;
    found.dials_in_first_second = static_cast<int>(
        std::ranges::count_if(s.dials, [&](time_point t) { return t >= back - s.connect && t < back + 1s; }));
    found.needed = most_at_once(all, back, back + 1s);
    found.slow_refusals = static_cast<int>(
        std::ranges::count_if(all, [](const visit& v) { return v.error && v.ended - v.wanted >= 1500ms; }));
    return found;
}

}  // namespace pool_scenarios::server_down_up
