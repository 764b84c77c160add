// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/log/sink.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace kedge::log {

/** Passes a record on, and holds back those behind it that say the same; one record then tells how many they were.
 *
 *  "repeated 418 times: connection refused" comes before the next record that says something else, at `flush`, at the end, and
 *  with a repetition whenever `every` has passed. Two records say the same if level, logger, message and the last line of the
 *  traceback are equal; fields do not count. What is `formatted`, such as metrics, always passes. There is no timer: the last
 *  repetitions are told of when something else happens.
 *
 *  @par Thread safety  As every sink; no lock is held while `to` writes, so records of different threads may change places.
 */
class repeat_filter final : public sink {
public:
    /// @param every  by the records' own times, more than 0
    /// @throws std::invalid_argument if `to` is null or `every` is out of range
    explicit repeat_filter(std::shared_ptr<sink> to, nanoseconds every = std::chrono::minutes(1));
    ~repeat_filter() override { tell(take()); }

    bool should_log(level severity) const noexcept override { return to_->should_log(severity); }
    void write(const record&) noexcept override;
    void flush() noexcept override;
    /// Of `to`.
    sink_counters counters() const noexcept override { return to_->counters(); }
    /// Records that were not passed on.
    std::uint64_t held_back() const noexcept { return held_back_.load(std::memory_order_relaxed); }

private:
    /// What was said, and how often again.
    struct saying {
        level severity = level::info;
        std::string logger{}, message{}, exception{};
        wall_time since{}, latest{};
        std::uint64_t again = 0;
        bool anything = false;
    };

    bool is_repeated(const record&) const noexcept;
    saying take() noexcept;
    void tell(const saying&) noexcept;

    const std::shared_ptr<sink> to_;
    const nanoseconds every_;
    std::mutex mutex_;
    saying last_;
    std::atomic<std::uint64_t> held_back_{0};
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/repeat_filter.ipp>
#endif
