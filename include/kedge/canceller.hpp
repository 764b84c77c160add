// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace kedge {

/** Cancels an operation from any thread.
 *
 *  @code
 *  kedge::canceller stop{io};
 *  resilient.async_call(op, stop.bind([](error_code ec, int value) { … }));    // a callback, or
 *  asio::co_spawn(stop.get_executor(), work(), stop.bind(asio::detached));     // a coroutine with all that it calls
 *  …
 *  stop.cancel();                                                              // from wherever you are
 *  @endcode
 *
 *  A `cancellation_signal` of Asio may only be emitted where its handler would run, and only by one thread at a time.
 *  This is such a signal with a strand of its own: the bound handler runs on the strand, and so does each emission.
 *
 *  One operation at a time: binding a second one to it takes it away from the first.
 *  @par Thread safety  All members may be called from any thread.
 *  @par Lifetimes      It must outlive the operation, as a `cancellation_signal` must. A request under way outlives it.
 *  @par Complexity     Making one allocates the strand and the signal; a cancellation is one post.
 */
class canceller {
public:
    using executor_type = boost::asio::strand<boost::asio::any_io_executor>;

    /// @param ex  the executor that the handler would have run on
    explicit canceller(const boost::asio::any_io_executor& ex) : state_(std::make_shared<state>(ex)) {}

    template <class Context>
        requires std::convertible_to<Context&, boost::asio::execution_context&>
    explicit canceller(Context& ctx) : canceller(boost::asio::any_io_executor(ctx.get_executor())) {}

    /// The strand.
    executor_type get_executor() const noexcept { return state_->strand; }

    /// The token of one operation: `token`, run on the strand and cancelled by @ref cancel.
    template <class Token> auto bind(Token&& token) const {
        return boost::asio::bind_executor(
            state_->strand, boost::asio::bind_cancellation_slot(state_->signal.slot(), std::forward<Token>(token)));
    }

    /// Asks the operation to end; never blocks, and never runs its handler. Does nothing when it has ended.
    /// @throws std::bad_alloc
    void cancel(boost::asio::cancellation_type type = boost::asio::cancellation_type::terminal) const {
        boost::asio::post(state_->strand, [held = state_, type] { held->signal.emit(type); });
    }

private:
    struct state {
        explicit state(const boost::asio::any_io_executor& ex) : strand(boost::asio::make_strand(ex)) {}
        executor_type strand;
        boost::asio::cancellation_signal signal;
    };

    std::shared_ptr<state> state_;
};

}  // namespace kedge
