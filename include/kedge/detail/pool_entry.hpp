// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/core/pool_parts.hpp>

#include <memory>
#include <string_view>

namespace kedge::detail {

class pool_task;

/// Where one connection lives, and who has it.
struct connection_slot : core::pool_slot {
    void* connection = nullptr;
    boost::source_location place{};
    std::string_view tag{};
    std::shared_ptr<pool_task> task{};  ///< what the pool itself is doing with it
};

/// Whoever waits for the pool: an asynchronous operation or a blocked thread.
struct pool_entry : core::pool_waiter {
    /// Called once, outside the pool's lock, when `end` is known. The entry may be gone when it returns.
    void (*finished)(pool_entry*) noexcept = nullptr;
    /// Instead of `finished`, when the pool's context goes away.
    void (*abandoned)(pool_entry*) noexcept = nullptr;
    boost::source_location place{};
    std::string_view tag{};
    time_point begun{};  ///< read once, for its limits and its place in the line
    call_report* report = nullptr;
    std::shared_ptr<const pool_report> seen{};  ///< the pool at the moment of the refusal, if there is a report to fill

    connection_slot* granted() const noexcept { return static_cast<connection_slot*>(slot); }
};

constexpr pool_refusal refusal_of(core::wait_end end) noexcept {
    switch (end) {
    case core::wait_end::queue_full: return pool_refusal::queue_full;
    case core::wait_end::timed_out: return pool_refusal::timed_out;
    case core::wait_end::down: return pool_refusal::down;
    case core::wait_end::closed: return pool_refusal::closed;
    case core::wait_end::none:
    case core::wait_end::granted:
    case core::wait_end::cancelled: break;
    }
    return pool_refusal::none;
}

}  // namespace kedge::detail
