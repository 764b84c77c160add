// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/sink.hpp>

#include <atomic>
#include <cstdint>

namespace kedge::log::detail {

/// The counters of a sink that many threads use.
class tally {
public:
    void wrote() noexcept { written_.fetch_add(1, std::memory_order_relaxed); }
    void dropped() noexcept { dropped_.fetch_add(1, std::memory_order_relaxed); }
    void failed() noexcept { failed_.fetch_add(1, std::memory_order_relaxed); }

    sink_counters read() const noexcept {
        return {written_.load(std::memory_order_relaxed), dropped_.load(std::memory_order_relaxed),
                failed_.load(std::memory_order_relaxed)};
    }

private:
    std::atomic<std::uint64_t> written_{0}, dropped_{0}, failed_{0};
};

}  // namespace kedge::log::detail
