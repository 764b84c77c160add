// SPDX-License-Identifier: BSL-1.0
#pragma once

// E0: steady random errors. Nobody's calls may succeed less often because something protects them.

#include "world.hpp"

#include <algorithm>

namespace survival::do_no_harm {

struct cell {
    int percent, calls_per_second;
};

/// A service that was healthy for as long as kedge's breaker looks back begins to fail at random. The calls count when the
/// longest window of all columns has forgotten the healthy time.
struct schedule {
    nanoseconds healthy = 10s, settling = 30s;
    std::size_t counted = 15'000;  ///< calls

    std::size_t uncounted(int calls_per_second) const noexcept {
        return static_cast<std::size_t>((healthy + settling) / 1s * calls_per_second);
    }
};

inline bool fails(std::uint64_t seed, std::uint64_t call, int attempt, int percent) noexcept {
    return chance(seed, call, attempt) % 100 < static_cast<std::uint64_t>(percent);
}

/// The share of the counted calls that succeed.
inline double success(const column& how, cell errors, std::uint64_t seed, const schedule& when) {
    dependency to(seed);
    const time_point begin = to.sim.now() + when.healthy;
    to.behave = [&](std::uint64_t call, int attempt) {
        const bool lost = to.sim.now() >= begin && fails(seed, call, attempt, errors.percent);
        return answer{lost ? error_code(boost::asio::error::connection_reset) : error_code()};
    };
    const std::size_t skip = when.uncounted(errors.calls_per_second);
    const auto ends = play(to, how, errors.calls_per_second, skip + when.counted);
    const auto good = std::count_if(ends.begin() + static_cast<std::ptrdiff_t>(skip), ends.end(),
                                    [](const call_end& c) { return !c.error; });
    return static_cast<double>(good) / static_cast<double>(when.counted);
}

}  // namespace survival::do_no_harm
