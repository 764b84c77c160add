// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/runtime.hpp>

#include <utility>

namespace torture {

/// Real threads in a time that runs a hundred times as fast: rests, lifetimes, checks and upkeep all come within a test.
class hurried_runtime final : public kedge::runtime {
public:
    static constexpr int hurry = 100;

    explicit hurried_runtime(boost::asio::execution_context& context) : runtime(context, true) {}

    void start(const boost::asio::any_io_executor& ex) { timers_.bind(ex); }

private:
    using time_point = kedge::time_point;

    time_point virtual_now() const noexcept override { return start_ + (kedge::detail::real_now() - start_) * hurry; }
    std::chrono::system_clock::time_point virtual_wall_now() const noexcept override { return kedge::detail::real_wall_now(); }
    void virtual_arm(kedge::timer_node& n, time_point due) noexcept override {
        const time_point real = start_ + (due - start_) / hurry + kedge::nanoseconds(1);
        timers_.arm(n, real.time_since_epoch().count(), kedge::detail::real_now().time_since_epoch().count());
    }
    bool virtual_cancel(kedge::timer_node& n) noexcept override { return timers_.cancel(n); }
    std::uint64_t virtual_random() noexcept override { return kedge::detail::quick_random(); }
    void virtual_run_blocking(kedge::detail::unique_function<void()> task) override { workers_.run(std::move(task)); }
    void shutdown() override {
        runtime::shutdown();
        timers_.shutdown();
        workers_.stop();
    }

    const time_point start_ = kedge::detail::real_now();
    kedge::detail::timer_service timers_;
    kedge::detail::worker_threads workers_;
};

}  // namespace torture
