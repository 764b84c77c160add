// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <boost/system/error_code.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kedge {

/// How long those who had to wait for a connection did wait. The percentiles are within an eighth above the truth.
struct pool_waits {
    std::uint64_t count = 0;
    nanoseconds p50{0}, p99{0};
};

/// A pool at one moment, consistent.
struct pool_snapshot {
    int used = 0, idle = 0, dialing = 0, waiting = 0, max = 0;
    int resetting = 0, closing = 0;  ///< connections that are neither used nor usable, but count; checked ones, too
    int peak = 0;                    ///< most used at a time
    nanoseconds oldest_wait{0};
    pool_waits waits{};
    std::uint64_t timeouts = 0, leaks = 0;
    std::uint64_t opened = 0;  ///< connections, since it was made
    bool down = false;  ///< nothing alive, and dialing fails
    boost::system::error_code last_connect_error{};

    double utilisation() const noexcept { return max > 0 ? static_cast<double>(used) / max : 0.0; }
};

namespace core {

/// Counts times by size, eight steps to each power of two.
class wait_histogram {
public:
    void add(nanoseconds wait) noexcept {
        ++buckets_[bucket_of(wait)];
        ++count_;
    }

    pool_waits summary() const noexcept { return {count_, at(0.50), at(0.99)}; }

private:
    static constexpr std::size_t steps = 8, step_bits = 3, powers = 44;  // up to four hours

    static std::size_t bucket_of(nanoseconds wait) noexcept {
        const auto ns = static_cast<std::uint64_t>(wait.count() > 0 ? wait.count() : 0);
        if (ns < steps) return static_cast<std::size_t>(ns);
        const auto power = static_cast<std::size_t>(std::bit_width(ns)) - step_bits;  // from 1
        const std::size_t bucket = power * steps + static_cast<std::size_t>(ns >> (power - 1)) - steps;
        return bucket < bucket_count ? bucket : bucket_count - 1;
    }

    static nanoseconds upper_bound(std::size_t bucket) noexcept {
        if (bucket < steps) return nanoseconds(static_cast<std::int64_t>(bucket));
        const std::size_t power = bucket / steps;
        return nanoseconds(static_cast<std::int64_t>(((bucket % steps + steps + 1) << (power - 1)) - 1));
    }

    nanoseconds at(double share) const noexcept {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i)
            if ((seen += buckets_[i]) > wanted) return upper_bound(i);
        return nanoseconds::zero();
    }

    static constexpr std::size_t bucket_count = steps * powers;
    std::array<std::uint32_t, bucket_count> buckets_{};
    std::uint64_t count_ = 0;
};

}  // namespace core
}  // namespace kedge
