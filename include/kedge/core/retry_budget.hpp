// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <algorithm>
#include <atomic>

namespace kedge::core {

/** A token bucket that keeps retries a small share of the traffic: without it three retries turn an outage into four
 *  times the load.
 *
 *  A retry costs one token, a success at the first try deposits a tenth, and one token a second comes back by itself.
 *  Since that refill is one token a second, a token *is* a second, and the whole bucket is one number: the moment at
 *  which it will be full again. A retry moves it one second into the future, a deposit 100 ms towards the past, and the
 *  refill needs no code at all. So a service without retries only reads it.
 *
 *  Thread-safe, lock-free. Sources: 0.1 and 1 from M. Brooker and MongoDB's client backpressure specification; the
 *  refill because a bucket that is refilled by success only stays empty after an outage (aws-sdk-go-v2#3550).
 */
class retry_budget {
public:
    static constexpr nanoseconds token = std::chrono::seconds(1);
    static constexpr nanoseconds deposit_of_success = token / 10;

    /// Starts full. @param cap tokens, 1 to 1'000'000
    explicit retry_budget(int cap) noexcept : cap_(cap * token) {}

    /// Takes a token; false if there is none.
    bool withdraw(time_point now) noexcept {
        time_point seen = full_at_.load(std::memory_order_relaxed);
        for (;;) {
            const time_point wanted = saturating_add(std::max(seen, now), token);
            if (wanted > saturating_add(now, cap_)) return false;
            if (full_at_.compare_exchange_weak(seen, wanted, std::memory_order_relaxed)) return true;
        }
    }

    /// A call succeeded at its first try.
    void deposit(time_point now) noexcept { put_back(now, deposit_of_success); }

    /// A retry that was paid for did not take place.
    void refund(time_point now) noexcept { put_back(now, token); }

    double tokens(time_point now) const noexcept {
        const time_point full_at = full_at_.load(std::memory_order_relaxed);
        const nanoseconds owed = full_at <= now ? nanoseconds::zero() : std::min(full_at - now, cap_);
        return static_cast<double>((cap_ - owed).count()) / static_cast<double>(token.count());
    }

    int cap() const noexcept { return static_cast<int>(cap_ / token); }

private:
    void put_back(time_point now, nanoseconds amount) noexcept {
        time_point seen = full_at_.load(std::memory_order_relaxed);
        while (seen > now && !full_at_.compare_exchange_weak(seen, seen - amount, std::memory_order_relaxed)) {}
    }

    const nanoseconds cap_;
    std::atomic<time_point> full_at_{time_point::min()};
};

}  // namespace kedge::core
