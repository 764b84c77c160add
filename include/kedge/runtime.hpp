// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/core/timer_wheel.hpp>
#include <kedge/detail/runtime_clock.hpp>
#include <kedge/detail/runtime_random.hpp>
#include <kedge/detail/runtime_timers.hpp>
#include <kedge/detail/runtime_workers.hpp>
#include <kedge/detail/unfinished.hpp>
#include <kedge/detail/unique_function.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

namespace kedge {

/** Everything that is not decided by the program itself: time, timers, chance, names and blocking work, as a service of
 *  an execution context. Real without further ado; a `testing::simulation` registers a virtual one in its place.
 *
 *  Look it up once, when an object is built. All members may be called from any thread, except in a simulation.
 */
class runtime : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;

    explicit runtime(boost::asio::execution_context& context) : runtime(context, false) {}

    /** The runtime of the context that `ex` belongs to; makes it at the first call. About 50 ns: a mutex.
     *  Strands and `any_io_executor` are fine: timers run beside them.
     */
    template <class Executor> static runtime& of(const Executor& ex) {
        boost::asio::execution_context& context = boost::asio::query(ex, boost::asio::execution::context);
        runtime& found = boost::asio::use_service<runtime>(context);
        if (!found.bound_.load(std::memory_order_acquire)) found.bind(boost::asio::any_io_executor(ex));
        return found;
    }

    /// See @ref kedge::now.
    time_point now() const noexcept { return virtual_ ? virtual_now() : detail::real_now(); }
    /// See @ref kedge::coarse_now.
    time_point coarse_now() const noexcept { return virtual_ ? virtual_now() : detail::real_coarse_now(); }
    /// The time of day; may jump. For dates in headers and signatures.
    std::chrono::system_clock::time_point wall_now() const noexcept {
        return virtual_ ? virtual_wall_now() : detail::real_wall_now();
    }
    bool is_virtual() const noexcept { return virtual_; }

    /** Arms `n`, which is not armed: its `fire` is called once, at or after `due`, never before.
     *
     *  Lateness is the loop's own latency, and up to one tick (4.2 ms) more for a `due` that is 100 ms or more ahead.
     *  While something is armed, `io_context::run()` does not return; it does at most a tick after the last one ended.
     *  @param base a precise @ref now of this moment, which saves reading the clock
     */
    void arm(timer_node& n, time_point due, time_point base) noexcept {
        if (virtual_) [[unlikely]] return virtual_arm(n, due);
        timers_.arm(n, due.time_since_epoch().count(), base.time_since_epoch().count());
    }
    void arm(timer_node& n, time_point due) noexcept { arm(n, due, now()); }

    /** True: `n` was armed and `fire` will never be called. False: it was called, is being called or will be in a
     *  moment (or `n` was never armed). Nothing else decides the race between an expiry and whatever ends first.
     */
    bool cancel(timer_node& n) noexcept {
        if (virtual_) [[unlikely]] return virtual_cancel(n);
        return timers_.cancel(n);
    }

    /// For jitter; not for secrets. Seeded in a simulation.
    std::uint64_t random() noexcept { return virtual_ ? virtual_random() : detail::quick_random(); }

    /// Fills `to` from the kernel's generator, for keys and identifiers; seeded in a simulation.
    /// @throws boost::system::system_error if the kernel has none
    void random_bytes(std::span<std::byte> to) {
        if (virtual_) return virtual_random_bytes(to);
        detail::secure_random(to);
    }

    /// The executor of the first @ref of.
    boost::asio::any_io_executor executor() const {
        std::lock_guard lock(bind_mutex_);
        return executor_;
    }

    /** Runs `task` on one of two threads of its own, which the context's destructor joins: a running task is waited
     *  for, a waiting one is destroyed. It does not keep `run()` from returning. In a simulation an ordinary step.
     */
    void run_blocking(detail::unique_function<void()> task) {
        if (virtual_) return virtual_run_blocking(std::move(task));
        workers_.run(std::move(task));
    }

    /** Looks up a name with the system's resolver; include `kedge/detail/resolve.hpp`.
     *
     *  On at most eight threads of their own. Callers of one name share its look-up; an address needs none. A look-up that
     *  hangs when the context ends is left alone. `kedge::lookups` tells how many there are.
     *  @par Completion signature `void(error_code, std::vector<asio::ip::tcp::endpoint>)`
     *  @par Per-operation cancellation terminal, partial, total: at once; the look-up is left alone and its result dropped
     */
    template <class Token> auto async_resolve(std::string host, std::string service, Token&& token);

    /// A simulation names the call if it never ends.
    void watch(detail::unfinished& call) noexcept {
        if (virtual_) [[unlikely]] virtual_watch(call);
    }

    /// How often timers woke the context, for tests and benchmarks.
    std::uint64_t wake_ups() const noexcept { return timers_.wake_ups(); }

protected:
    runtime(boost::asio::execution_context& context, bool is_virtual) : service(context), virtual_(is_virtual) {}

    void bind(boost::asio::any_io_executor ex) {
        std::lock_guard lock(bind_mutex_);
        if (bound_.load(std::memory_order_relaxed)) return;
        if (!virtual_) timers_.bind(ex);
        executor_ = std::move(ex);
        bound_.store(true, std::memory_order_release);
    }

    void shutdown() override {
        timers_.shutdown();
        workers_.stop();
        std::lock_guard lock(bind_mutex_);
        executor_ = {};
    }

private:
    virtual time_point virtual_now() const noexcept { return {}; }
    virtual std::chrono::system_clock::time_point virtual_wall_now() const noexcept { return {}; }
    virtual void virtual_arm(timer_node&, time_point) noexcept {}
    virtual bool virtual_cancel(timer_node&) noexcept { return false; }
    virtual void virtual_watch(detail::unfinished&) noexcept {}
    virtual std::uint64_t virtual_random() noexcept { return 0; }
    virtual void virtual_random_bytes(std::span<std::byte>) noexcept {}
    virtual void virtual_run_blocking(detail::unique_function<void()>) {}

    const bool virtual_;  // predicted, where a virtual call would not be
    std::atomic<bool> bound_{false};
    mutable std::mutex bind_mutex_;
    boost::asio::any_io_executor executor_;
    detail::timer_service timers_;
    detail::worker_threads workers_;
};

}  // namespace kedge
