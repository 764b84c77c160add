// SPDX-License-Identifier: BSL-1.0
#pragma once

// E6: a minute of faults of every kind, and calls that each have a time limit. How many end later than that?

#include "world.hpp"

#include <algorithm>
#include <array>

namespace survival::deadlines_kept {

inline constexpr int calls_per_second = 200;
inline constexpr nanoseconds soak = 60s;
inline constexpr nanoseconds tolerance = 10ms;
inline constexpr double goal = 0.001;

enum class fault { none, slow, reset, silence, refused };
inline constexpr std::array kinds{fault::slow, fault::reset, fault::silence, fault::refused};

/// One in five at random, in turn with five seconds of nothing but one kind.
inline fault fault_at(nanoseconds now, std::uint64_t luck) noexcept {
    constexpr nanoseconds mixed = 10s, turn = mixed + 5s;
    const auto kind = static_cast<std::size_t>(now / turn) % kinds.size();
    if (now % turn >= mixed) return kinds[kind];
    return luck % 5 == 0 ? kinds[luck / 5 % kinds.size()] : fault::none;
}

inline answer answer_to(nanoseconds now, std::uint64_t luck) {
    switch (now < soak ? fault_at(now, luck) : fault::none) {
    case fault::none: break;
    case fault::slow: return {{}, 500ms + nanoseconds(luck / 100 % 4'500 * 1'000'000)};
    case fault::reset: return {boost::asio::error::connection_reset};
    case fault::silence: return {boost::asio::error::timed_out, soak};
    case fault::refused: return {boost::asio::error::connection_refused, 1ms};
    }
    return {};
}

inline nanoseconds limit_of(std::uint64_t seed, std::uint64_t call) noexcept {
    return 50ms + nanoseconds(chance(~seed, call) % 1'950 * 1'000'000);
}

/// The share of calls that end too late.
inline double late(const column& how, std::uint64_t seed) {
    dependency to(seed);
    std::uint64_t dials = 0;
    to.time_limit = [&](std::uint64_t call) { return limit_of(seed, call); };
    to.behave = [&](std::uint64_t call, int attempt) { return answer_to(to.sim.elapsed(), chance(seed, call, attempt)); };
    to.connect = [&] { return answer_to(to.sim.elapsed(), chance(seed + 1, ++dials)); };
    const auto calls = play(to, how, calls_per_second, static_cast<std::size_t>(soak / 1s) * calls_per_second);
    int late = 0;
    for (std::size_t call = 0; call < calls.size(); ++call)
        late += calls[call].elapsed() > limit_of(seed, call) + tolerance;
    return late / static_cast<double>(calls.size());
}

}  // namespace survival::deadlines_kept
