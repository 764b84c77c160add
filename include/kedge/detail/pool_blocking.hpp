// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/pool_operation.hpp>

#include <condition_variable>
#include <mutex>

namespace kedge::detail {

/// A thread that waits for a connection, in the same line as everybody else.
class pool_blocked_thread final : public pool_entry {
public:
    pool_blocked_thread() {
        finished = [](pool_entry* e) noexcept { static_cast<pool_blocked_thread*>(e)->wake(false); };
        abandoned = [](pool_entry* e) noexcept { static_cast<pool_blocked_thread*>(e)->wake(true); };
    }

    /// Null when refused; `end` says why.
    connection_slot* wait(pool_state& pool) {
        pool.acquire(*this);
        if (!wait_until_deadline()) {
            pool.cancel(*this);  // nobody runs the context, or its timer is late
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return awake_; });
        }
        if (slot) return granted();
        if (gone_) end = core::wait_end::closed;
        else pool.unpin();
        if (end == core::wait_end::cancelled) end = core::wait_end::timed_out;
        if (report && !seen) seen = std::make_shared<const pool_report>(pool.report_now(1, since));
        return nullptr;
    }

private:
    bool wait_until_deadline() {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, deadline, [this] { return awake_; });
    }

    void wake(bool gone) noexcept {
        std::lock_guard lock(mutex_);
        awake_ = true;
        gone_ = gone;
        changed_.notify_all();  // under the lock: the waiter may be gone right after it
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool awake_ = false, gone_ = false;
};

}  // namespace kedge::detail
