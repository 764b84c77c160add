// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/timer_wait.hpp>
#include <kedge/error.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace kedge {

/** A timer that is virtual in a simulation; otherwise like `asio::steady_timer`, on the timers of @ref runtime.
 *
 *  @par Thread safety  Distinct objects: safe. One object: not safe, except that expiry may happen on any thread.
 *  @par Lifetimes  The destructor cancels what waits, as asio's does.
 */
class timer {
public:
    using executor_type = boost::asio::any_io_executor;

    template <class Executor>
        requires boost::asio::execution::is_executor<Executor>::value
    explicit timer(const Executor& ex) : executor_(ex), waits_(new detail::timer_waits(runtime::of(ex))) {}

    template <class Context>
        requires std::convertible_to<Context&, boost::asio::execution_context&>
    explicit timer(Context& context) : timer(context.get_executor()) {}

    timer(timer&&) noexcept = default;
    timer& operator=(timer&& other) noexcept {
        if (this != &other) {
            if (waits_) waits_->cancel();
            executor_ = std::move(other.executor_);
            waits_ = std::move(other.waits_);
            expiry_ = other.expiry_;
        }
        return *this;
    }
    ~timer() {
        if (waits_) waits_->cancel();
    }

    executor_type get_executor() const noexcept { return executor_; }
    time_point expiry() const noexcept { return expiry_; }

    /// Cancels what waits, as in asio. @return how many waits were cancelled. A negative `span` counts as zero.
    std::size_t expires_after(nanoseconds span) {
        return expires_at(core::saturating_add(waits_->clock().now(), span));
    }
    std::size_t expires_at(time_point when) {
        expiry_ = when;
        return cancel();
    }

    /// The waits end with `operation_aborted`. @return how many: one whose time has come is not among them.
    std::size_t cancel() { return waits_->cancel(); }

    /** Waits until @ref expiry; at once if that is past. Any number of waits at a time.
     *
     *  @par Completion signature  `void(error_code)`
     *  @par Executors  The handler is posted to its associated executor, by default @ref get_executor.
     *  @par Per-operation cancellation  terminal, partial, total
     *  @par Errors  `asio::error::operation_aborted`
     *  @par Complexity  One allocation from the associated allocator; O(1) from 100 ms up, else O(log n).
     */
    template <class Token = boost::asio::deferred_t> auto async_wait(Token&& token = Token()) {
        return boost::asio::async_initiate<Token, void(error_code)>(start_wait{this}, token);
    }

private:
    struct start_wait {
        timer* self;
        using executor_type = boost::asio::any_io_executor;
        executor_type get_executor() const noexcept { return self->executor_; }
        template <class Handler> void operator()(Handler&& handler) const {
            detail::start_timer_wait(std::forward<Handler>(handler), self->executor_, self->waits_, self->expiry_);
        }
    };

    boost::asio::any_io_executor executor_;
    boost::intrusive_ptr<detail::timer_waits> waits_;
    time_point expiry_{};
};

/** Waits for `span` in the time of the executor's context. See @ref timer::async_wait.
 *
 *  @param span negative counts as zero
 *  @par Completion signature  `void(error_code)`
 */
template <class Executor, class Token = boost::asio::deferred_t>
    requires boost::asio::execution::is_executor<Executor>::value
auto async_sleep(const Executor& ex, nanoseconds span, Token&& token = Token()) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto handler, Executor on, nanoseconds d) {
            boost::intrusive_ptr<detail::timer_waits> waits(new detail::timer_waits(runtime::of(on)));
            const time_point due = core::saturating_add(waits->clock().now(), d);
            detail::start_timer_wait(std::move(handler), boost::asio::any_io_executor(on), waits, due);
        },
        token, ex, span);
}

template <class Context, class Token = boost::asio::deferred_t>
    requires std::convertible_to<Context&, boost::asio::execution_context&>
auto async_sleep(Context& context, nanoseconds span, Token&& token = Token()) {
    return async_sleep(context.get_executor(), span, std::forward<Token>(token));
}

}  // namespace kedge
