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

/// What has left a window, and fades: of what happened six windows ago a third is left.
struct faded_counts {
    double calls = 0, failures = 0;

    /// Takes in the next bucket.
    void add(const window_counts& bucket) noexcept {
        constexpr double kept = 1 - 1. / 60;
        calls = calls * kept + static_cast<double>(bucket.calls);
        failures = failures * kept + static_cast<double>(bucket.failures);
    }
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

    /// Lets go what is older than the window. After as long without a call it forgets that too.
    void advance(time_point now) noexcept {
        const time_point end = bucket_end_.load(std::memory_order_relaxed);
        if (!enabled() || now < end) return;
        if (end == unused || now - end >= bucket_length_ * (bucket_count - 1)) return forget(now);
        const auto turns = (now - end) / bucket_length_ + 1;
        for (std::int64_t i = 0; i < turns; ++i) {
            std::uint64_t& oldest = complete_[oldest_++ % complete_.size()];
            past_.add(unpack(oldest));
            oldest = current_.exchange(0);
        }
        bucket_end_.store(saturating_add(end, turns * bucket_length_), std::memory_order_relaxed);
    }

    /// Clears it, and what has left it.
    void forget(time_point now) noexcept {
        past_ = {};
        clear(now);
    }

    void clear(time_point now) noexcept {
        if (!enabled()) return;
        complete_.fill(0);
        current_.store(0, std::memory_order_relaxed);
        bucket_end_.store(saturating_add(now, bucket_length_), std::memory_order_relaxed);
    }

    const faded_counts& past() const noexcept { return past_; }

    /// Whether nothing succeeded in the `span` before `now`; false where the window cannot tell.
    bool without_success(time_point now, nanoseconds span) const noexcept {
        if (!enabled() || successes_in(current_.load(std::memory_order_relaxed)) > 0) return false;
        nanoseconds seen = now - (bucket_end_.load(std::memory_order_relaxed) - bucket_length_);
        for (std::size_t i = 1; seen < span && i <= complete_.size(); ++i, seen += bucket_length_)
            if (successes_in(complete_[(oldest_ + complete_.size() - i) % complete_.size()]) > 0) return false;
        return seen >= span;
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

    static std::int64_t successes_in(std::uint64_t bucket) noexcept {
        const window_counts one = unpack(bucket);
        return one.calls - one.failures;
    }

    std::atomic<std::uint64_t> current_{0};  ///< calls below, failures above: no bucket lives long enough for 2^32
    std::atomic<time_point> bucket_end_{unused};
    const nanoseconds bucket_length_;
    alignas(64) std::array<std::uint64_t, bucket_count - 1> complete_{};
    std::size_t oldest_ = 0;
    faded_counts past_{};
};

}  // namespace kedge::core
