// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/not_null.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace kedge::log {

/// Lets pass what is at least as serious as `least`. What it holds back is in no counter: nobody wanted it.
class level_filter final : public sink {
public:
    /// @throws std::invalid_argument if `to` is null
    level_filter(level least, std::shared_ptr<sink> to) : least_(least), to_(detail::not_null(std::move(to), "level_filter")) {}

    /// May be changed while the program runs.
    void least(level severity) noexcept { least_.store(severity, std::memory_order_relaxed); }

    bool should_log(level severity) const noexcept override {
        return severity >= least_.load(std::memory_order_relaxed) && to_->should_log(severity);
    }
    void write(const record& what) noexcept override {
        if (should_log(what.severity)) to_->write(what);
    }
    void flush() noexcept override { to_->flush(); }
    sink_counters counters() const noexcept override { return to_->counters(); }

private:
    std::atomic<level> least_;
    const std::shared_ptr<sink> to_;
};

}  // namespace kedge::log
