// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace pool_contention {

using kedge::nanoseconds;

/// Counts times without an allocation, each within a hundredth of its size.
class histogram {
public:
    void add(nanoseconds time) noexcept {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()));
        ++buckets_[std::min(bucket_of(ns), buckets_.size() - 1)];
        ++count_;
        longest_ = std::max(longest_, time);
    }
    void add(const histogram& other) noexcept {
        for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
        count_ += other.count_;
        longest_ = std::max(longest_, other.longest_);
    }

    std::uint64_t count() const noexcept { return count_; }
    nanoseconds longest() const noexcept { return longest_; }

    /// At least as long as `share` of all times.
    nanoseconds at(double share) const noexcept {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if ((seen += buckets_[i]) > wanted) return std::min(longest_, upper_bound(i));
        return longest_;
    }

private:
    static constexpr std::size_t bits = 7, steps = std::size_t{1} << bits, powers = 38;  // up to two hours

    static std::size_t bucket_of(std::uint64_t ns) noexcept {
        if (ns < steps) return static_cast<std::size_t>(ns);
        const auto power = static_cast<std::size_t>(std::bit_width(ns)) - bits;
        return power * steps + static_cast<std::size_t>(ns >> (power - 1)) - steps;
    }
    static nanoseconds upper_bound(std::size_t bucket) noexcept {
        const std::size_t power = bucket / steps;
        const std::size_t end = power == 0 ? bucket : ((bucket % steps + steps + 1) << (power - 1)) - 1;
        return nanoseconds(static_cast<std::int64_t>(end));
    }

    std::array<std::uint32_t, steps * powers> buckets_{};
    std::uint64_t count_ = 0;
    nanoseconds longest_{0};
};

struct result {
    histogram waits;      ///< from the moment a task meant to begin
    histogram lateness;   ///< the part of it that is the task's own: a late timer, or its last call
    std::vector<std::uint64_t> grants{};  ///< of each task
    std::uint64_t done = 0, refused = 0;
    std::uint64_t unserved = 0;  ///< calls of an open loop that were not even begun when as much time again had passed
    std::uint64_t allocations = 0;
    int opened = 0;
    double seconds = 0, others = 0;  ///< others: cores that other processes used meanwhile

    double per_second() const noexcept { return static_cast<double>(done) / seconds; }
    double allocations_per_call() const noexcept {
        return done > 0 ? static_cast<double>(allocations) / static_cast<double>(done) : 0;
    }

    /// Jain's index: 1 when all tasks got the same, 1/n when one got everything.
    double fairness() const noexcept {
        double sum = 0, squares = 0;
        for (const std::uint64_t n : grants) {
            const auto g = static_cast<double>(n);
            sum += g;
            squares += g * g;
        }
        return squares > 0 ? sum * sum / (static_cast<double>(grants.size()) * squares) : 1;
    }
    double most_by_least() const noexcept {
        const auto [least, most] = std::ranges::minmax(grants);
        return static_cast<double>(most) / static_cast<double>(std::max<std::uint64_t>(1, least));
    }
};

}  // namespace pool_contention
