// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/core/verdict.hpp>

#include <algorithm>
#include <cstdint>

namespace kedge {

/// How the wait before a retry is spread, so that clients that failed together do not come back together.
enum class jitter : std::uint8_t {
    none,   ///< d
    full,   ///< between 0 and d: spreads best, the default of the AWS SDKs
    equal,  ///< between d/2 and d
};

namespace core {

/// An overloaded server needs more time than a broken connection (AWS SDKs, retry standard 2.1: 1 s).
inline constexpr nanoseconds overload_base = std::chrono::seconds(1);

/// Jitter on top of a server's hint: a tenth of it, at most this.
inline constexpr nanoseconds most_hint_jitter = std::chrono::seconds(1);

struct backoff_rules {
    nanoseconds base = std::chrono::milliseconds(100);
    nanoseconds cap = std::chrono::seconds(2);
    jitter spread = jitter::full;
};

/// A number in [0, span] from 64 random bits.
constexpr nanoseconds random_up_to(nanoseconds span, std::uint64_t random) noexcept {
    if (span <= nanoseconds::zero()) return nanoseconds::zero();
    return nanoseconds(static_cast<std::int64_t>(random % (static_cast<std::uint64_t>(span.count()) + 1)));
}

/// `min(cap, base · 2^n)` for every n; a negative n counts as 0.
constexpr nanoseconds doubled(nanoseconds base, int n, nanoseconds cap) noexcept {
    if (base >= cap) return cap;
    if (base <= nanoseconds::zero()) return nanoseconds::zero();
    for (; n > 0; --n) {
        if (base > cap / 2) return cap;
        base *= 2;
    }
    return base;
}

constexpr nanoseconds jittered(nanoseconds span, jitter spread, std::uint64_t random) noexcept {
    switch (spread) {
    case jitter::none: return span;
    case jitter::full: return random_up_to(span, random);
    case jitter::equal: return span - random_up_to(span / 2, random);
    }
    return span;
}

/** The wait before a retry.
 *  @param failed   how many attempts have failed, from 1
 *  @param why      the kind of the last failure: overload starts at @ref overload_base
 *  @param hint     the server's own; the wait is never shorter. Jitter is added to it, since everybody got the same */
constexpr nanoseconds backoff(const backoff_rules& rules, int failed, kind why, nanoseconds hint,
                              std::uint64_t random) noexcept {
    const nanoseconds base = why == kind::overload ? std::max(rules.base, overload_base) : rules.base;
    const nanoseconds own = jittered(doubled(base, failed - 1, rules.cap), rules.spread, random);
    if (hint <= own) return own;
    const nanoseconds extra = random_up_to(std::min(hint / 10, most_hint_jitter), random);
    return hint > nanoseconds::max() - extra ? nanoseconds::max() : hint + extra;
}

}  // namespace core
}  // namespace kedge
