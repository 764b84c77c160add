// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace kedge::core {

struct window_counts {
    std::int64_t calls = 0, failures = 0;
};

/** How many calls ended and how many of them failed, in the last `length` of time.
 *
 *  Ten buckets: nine complete ones, and the current one, whose two counters share one atomic word on a cache line of
 *  their own. Counting is one comparison and one relaxed addition by any thread; turning to the next bucket happens ten
 *  times per window, under the owner's lock. A count that races with the turn lands in the new bucket, and a time that
 *  steps back a little counts in the current one: both are off by less than a bucket, and nothing is lost.
 */
class alignas(64) breaker_window {
public:
    static constexpr int bucket_count = 10;

    /// @param length  zero: counts nothing
    explicit breaker_window(nanoseconds length) noexcept : bucket_length_(length / bucket_count) {
        if (!enabled()) bucket_end_.store(never, std::memory_order_relaxed);
    }

    bool enabled() const noexcept { return bucket_length_ > nanoseconds::zero(); }

    /// Any thread. False: the bucket is over; take the lock and use @ref add.
    bool try_add(time_point now, bool failed) noexcept {
        if (now >= bucket_end_.load(std::memory_order_relaxed)) return !enabled();
        if (enabled()) current_.fetch_add(failed ? one_call + one_failure : one_call, std::memory_order_relaxed);
        return true;
    }

    /// Under the lock, as all below.
    void add(time_point now, bool failed) noexcept {
        advance(now);
        try_add(now, failed);
    }

    /// Forgets what is older than the window.
    void advance(time_point now) noexcept {
        const time_point end = bucket_end_.load(std::memory_order_relaxed);
        if (!enabled() || now < end) return;
        if (end == unused || now - end >= bucket_length_ * (bucket_count - 1)) return clear(now);
        const auto turns = (now - end) / bucket_length_ + 1;
        for (std::int64_t i = 0; i < turns; ++i) complete_[oldest_++ % complete_.size()] = current_.exchange(0);
        bucket_end_.store(saturating_add(end, turns * bucket_length_), std::memory_order_relaxed);
    }

    void clear(time_point now) noexcept {
        if (!enabled()) return;
        complete_.fill(0);
        current_.store(0, std::memory_order_relaxed);
        bucket_end_.store(saturating_add(now, bucket_length_), std::memory_order_relaxed);
    }

    window_counts counts() const noexcept {
        window_counts sum = unpack(current_.load(std::memory_order_relaxed));
        for (const std::uint64_t bucket : complete_) {
            const window_counts one = unpack(bucket);
            sum.calls += one.calls;
            sum.failures += one.failures;
        }
        return sum;
    }

private:
    static constexpr std::uint64_t one_call = 1, one_failure = std::uint64_t{1} << 32;
    static constexpr time_point unused = time_point::min();

    static window_counts unpack(std::uint64_t bucket) noexcept {
        return {static_cast<std::int64_t>(bucket & 0xffff'ffff), static_cast<std::int64_t>(bucket >> 32)};
    }

    std::atomic<std::uint64_t> current_{0};  ///< calls below, failures above: no bucket lives long enough for 2^32
    std::atomic<time_point> bucket_end_{unused};
    const nanoseconds bucket_length_;
    alignas(64) std::array<std::uint64_t, bucket_count - 1> complete_{};
    std::size_t oldest_ = 0;
};

}  // namespace kedge::core
