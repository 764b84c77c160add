// SPDX-License-Identifier: BSL-1.0
#pragma once

// E5: callers, a middle tier, and behind it a last one that hangs for a minute. One route of the middle tier needs the last
// tier, the other one does not: does it keep answering?

#include "middle_tier.hpp"
#include "outage.hpp"

#include <algorithm>

namespace survival::cascade {

using outage::begins, outage::ends;
inline constexpr int calls_per_second = 200;  ///< half of them for each route
inline constexpr nanoseconds patience = 1s;   ///< of the callers
inline constexpr double goal = 0.95;

inline bool needs_last_tier(std::uint64_t call) noexcept { return call % 2 == 0; }

/// `informed`: the middle tier knows how long its callers wait, and tells the column, if that can be told.
struct tier {
    std::size_t places;
    bool informed = false;
};

/// While the last tier hangs, the share of the other route's calls that are answered in time.
inline double other_route(const column& how, std::uint64_t seed, tier between) {
    dependency last(seed);
    if (between.informed)
        last.time_limit = [&](std::uint64_t call) {
            return static_cast<std::int64_t>(call) * nanoseconds(1s) / calls_per_second + patience - last.sim.elapsed();
        };
    const auto silence = [&] { return outage::is_on(last) ? ends - last.sim.now() : nanoseconds(0); };
    last.behave = [&](std::uint64_t, int) { return answer{{}, silence() + 5ms}; };
    last.connect = [&] { return answer{{}, silence() + 2ms}; };
    const client to_last = how.make(last, calls_per_second / 2);
    middle_tier middle(between.places);
    const client caller = [&](std::uint64_t call, ended done) {
        const auto work = [&, call](ended answer) {
            if (needs_last_tier(call)) return to_last(call, std::move(answer));
            kedge::async_sleep(last.sim, 5ms, std::move(answer));
        };
        middle.take(work, std::move(done));
    };
    const auto count = static_cast<std::size_t>(ends.time_since_epoch() / 1s) * calls_per_second;
    const auto calls = traffic(last, caller, calls_per_second, count).play();

    int asked = 0, answered = 0;
    for (std::size_t call = 0; call < calls.size(); ++call) {
        if (needs_last_tier(call) || calls[call].began < begins) continue;
        ++asked;
        answered += !calls[call].error && calls[call].elapsed() <= patience;
    }
    return static_cast<double>(answered) / asked;
}

}  // namespace survival::cascade
