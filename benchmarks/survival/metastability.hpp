// SPDX-License-Identifier: BSL-1.0
#pragma once

// E2: a server with room to spare loses most of its capacity for ten seconds. Does it recover when it has it back, or does
// what was piled up meanwhile, and what is repeated, keep it down?

#include "finite_server.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>

namespace survival::metastability {

inline constexpr int calls_per_second = 140;  ///< 70 % of what the server can serve
inline constexpr time_point falls{10s}, recovers = falls + 10s;
inline constexpr capacity can{200, 40, falls, recovers};
inline constexpr nanoseconds attempt_limit = 1s;  ///< of the transport below all columns: then it gives an attempt up
inline constexpr nanoseconds useful_for = 5s;     ///< an answer that comes later helps nobody
inline constexpr double recovered = 0.95;
inline constexpr nanoseconds goal = 10s;  ///< 5 s, and the time for which a breaker opens

struct goodput {
    nanoseconds until_recovered{0};  ///< from the end of the fall; as long as was looked if it never came
    double during_fall = 0;          ///< share of the calls
};

/// Of the calls that began in this second, the share that succeeded in time.
inline double share_of_second(const std::vector<call_end>& calls, std::size_t second) {
    const auto first = calls.begin() + static_cast<std::ptrdiff_t>(second * calls_per_second);
    const auto good = std::count_if(first, first + calls_per_second,
                                    [](const call_end& c) { return !c.error && c.elapsed() <= useful_for; });
    return static_cast<double>(good) / calls_per_second;
}

inline goodput play(const column& how, std::uint64_t seed, nanoseconds afterwards = 60s) {
    dependency to(seed);
    finite_server server(can);
    to.behave = [&](std::uint64_t call, int attempt) {
        const nanoseconds after = server.serve(to.sim.now(), varied(1, chance(seed, call, attempt))) - to.sim.now();
        if (after <= attempt_limit) return answer{{}, after};
        return answer{boost::asio::error::timed_out, attempt_limit};
    };
    const auto second = [](time_point t) { return static_cast<std::size_t>(t.time_since_epoch() / 1s); };
    const auto calls = survival::play(to, how, calls_per_second, second(recovers + afterwards) * calls_per_second);

    goodput found;
    for (std::size_t s = second(falls); s < second(recovers); ++s)
        found.during_fall += share_of_second(calls, s) / static_cast<double>(second(recovers) - second(falls));
    for (std::size_t s = second(recovers); s < second(recovers + afterwards); ++s)
        if (share_of_second(calls, s) < recovered) found.until_recovered = (s + 1 - second(recovers)) * nanoseconds(1s);
    return found;
}

}  // namespace survival::metastability
