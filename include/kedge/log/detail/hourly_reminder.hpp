// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/sink.hpp>
#include <kedge/runtime.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace kedge::log::detail {

/// Says something that nobody must forget: when it is made, and at the first call of @ref remind after each hour.
class hourly_reminder {
public:
    /// Without a sink, or with an empty message, it is silent and @ref remind costs next to nothing.
    hourly_reminder(const runtime& rt, std::shared_ptr<sink> to, std::string logger, std::string message)
        : runtime_(rt), to_(std::move(to)), logger_(std::move(logger)), message_(std::move(message)) {
        if (!message_.empty()) remind();
    }

    void remind() noexcept {
        if (!to_ || message_.empty()) return;
        const time_point now = runtime_.coarse_now();
        time_point due = due_.load(std::memory_order_relaxed);
        if (now < due || !due_.compare_exchange_strong(due, now + std::chrono::hours(1))) return;
        submit(*to_, {.time = runtime_.wall_now(), .severity = level::warning, .logger = logger_, .message = message_});
    }

private:
    const runtime& runtime_;
    const std::shared_ptr<sink> to_;
    const std::string logger_, message_;
    std::atomic<time_point> due_{time_point::min()};
};

}  // namespace kedge::log::detail
