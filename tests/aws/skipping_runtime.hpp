// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/post_to.hpp>
#include <kedge/detail/runtime_random.hpp>
#include <kedge/runtime.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>

namespace aws_test {

/** Real sockets in a time of which the test leaves out what nobody would do anything in: pauses take no time, and no limit
 *  comes early because the machine is slow. Whoever runs the context fires the timers. */
class skipping_runtime : public kedge::runtime {
public:
    explicit skipping_runtime(boost::asio::execution_context& context) : runtime(context, true) {}

    /// @return whether a timer was due
    bool fire_due() {
        kedge::timer_node* due = nullptr;
        {
            const std::lock_guard lock(mutex_);
            timers_.advance(now().time_since_epoch().count());
            due = timers_.pop_due();
        }
        if (due) due->fire(due);
        return due != nullptr;
    }

    /// To the next timer. @return whether there is one
    bool skip() {
        const std::lock_guard lock(mutex_);
        const std::int64_t next = timers_.next_event();
        if (next == kedge::core::no_tick) return false;
        left_out_ += std::max<std::int64_t>(next - now().time_since_epoch().count(), 0);
        return true;
    }

private:
    using time_point = kedge::time_point;

    time_point virtual_now() const noexcept override { return kedge::detail::real_now() + kedge::nanoseconds(left_out_); }
    std::chrono::system_clock::time_point virtual_wall_now() const noexcept override { return kedge::detail::real_wall_now(); }
    void virtual_arm(kedge::timer_node& n, time_point due) noexcept override {
        const std::lock_guard lock(mutex_);
        timers_.arm(n, due.time_since_epoch().count());
    }
    bool virtual_cancel(kedge::timer_node& n) noexcept override {
        const std::lock_guard lock(mutex_);
        return timers_.cancel(n);
    }
    std::uint64_t virtual_random() noexcept override {
        const std::lock_guard lock(mutex_);
        return chance_();
    }
    /// On the context itself: what a thread of its own would still have to do nobody could see.
    void virtual_run_blocking(kedge::detail::unique_function<void()> task) override {
        kedge::detail::post_to(executor(), std::move(task));
    }
    void shutdown() override {
        runtime::shutdown();
        std::unique_lock lock(mutex_);
        timers_.abandon_all();
        while (kedge::timer_node* const n = timers_.pop_abandoned()) {
            lock.unlock();
            n->abandon(n);
            lock.lock();
        }
    }

    std::mutex mutex_;
    kedge::core::timer_set timers_;
    kedge::detail::splitmix chance_{1};
    std::atomic<std::int64_t> left_out_{0};
};

}  // namespace aws_test
