// SPDX-License-Identifier: BSL-1.0
#pragma once

// E1 and E3: at 200 calls a second, a healthy dependency stops working for a minute.

#include "world.hpp"

#include <kedge/error.hpp>

#include <algorithm>
#include <optional>

namespace survival::outage {

inline constexpr int calls_per_second = 200;
inline constexpr time_point begins{10s}, ends = begins + 60s;
inline constexpr nanoseconds long_enough = 65s;  ///< a breaker stays open for a minute at most

inline std::vector<call_end> play(dependency& to, const column& how, time_point until) {
    const auto seconds = static_cast<std::size_t>(until.time_since_epoch() / 1s);
    return survival::play(to, how, calls_per_second, seconds * calls_per_second);
}

inline bool is_on(const dependency& to) noexcept { return to.sim.now() >= begins && to.sim.now() < ends; }

struct load {
    double attempts_per_call = 0;        ///< the worst of any 10 s from the third second on
    nanoseconds until_first_success{0};  ///< from the end of the outage
};

/// Every request is reset after a few milliseconds, new connections are refused.
inline load total(const column& how, std::uint64_t seed, nanoseconds afterwards = long_enough) {
    dependency to(seed);
    to.behave = [&](std::uint64_t, int) {
        return answer{is_on(to) ? error_code(boost::asio::error::connection_reset) : error_code()};
    };
    to.connect = [&] { return answer{is_on(to) ? error_code(boost::asio::error::connection_refused) : error_code(), 2ms}; };
    const auto calls = play(to, how, ends + afterwards);

    load found;
    const auto arrived_before = [&](time_point t) { return std::ranges::lower_bound(to.arrivals, t) - to.arrivals.begin(); };
    for (time_point from = begins + 2s; from + 10s <= ends; from += 100ms) {
        const auto attempts = arrived_before(from + 10s) - arrived_before(from);
        found.attempts_per_call = std::max(found.attempts_per_call, static_cast<double>(attempts) / (10. * calls_per_second));
    }
    const auto first =
        std::ranges::find_if(calls, [](const call_end& c) { return c.began >= ends && !c.error; });
    found.until_first_success = first == calls.end() ? afterwards : first->began - ends;
    return found;
}

struct waits {
    int full_limit = 0;  ///< calls that waited as long as an attempt may take, or longer
    int a_second = 0;    ///< calls that waited a second or longer
    std::optional<nanoseconds> refusal_p99{};  ///< of the calls made after the breaker had opened; nothing: it never did
};

/// For a column without a limit: what counts as waiting for it.
inline constexpr nanoseconds patience = 5s;

/// How long the calls took that were refused after the breaker had opened.
inline std::optional<nanoseconds> refusal_p99(const std::vector<call_end>& calls, nanoseconds limit) {
    time_point opened = kedge::never;
    for (const call_end& c : calls)
        if (c.error == kedge::errc::circuit_open) opened = std::min(opened, c.ended);
    std::vector<nanoseconds> took;
    for (const call_end& c : calls)
        if (c.began >= opened && c.error && c.elapsed() < limit) took.push_back(c.elapsed());
    if (took.empty()) return std::nullopt;
    const auto p99 = took.begin() + static_cast<std::ptrdiff_t>(took.size() * 99 / 100);
    std::ranges::nth_element(took, p99);
    return *p99;
}

/// It takes requests and connections, and says nothing until the end.
inline waits silent(const column& how, std::uint64_t seed) {
    dependency to(seed);
    const auto silence = [&] { return is_on(to) ? ends - to.sim.now() : nanoseconds(0); };
    to.behave = [&](std::uint64_t, int) { return answer{{}, silence() + 5ms}; };
    to.connect = [&] { return answer{{}, silence() + 2ms}; };
    const auto calls = play(to, how, ends);

    const nanoseconds limit = how.limit > nanoseconds(0) ? how.limit : patience;
    waits found;
    for (const call_end& c : calls) {
        found.full_limit += c.elapsed() >= limit;
        found.a_second += c.elapsed() >= 1s;
    }
    found.refusal_p99 = refusal_p99(calls, limit);
    return found;
}

}  // namespace survival::outage
