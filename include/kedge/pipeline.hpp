// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/circuit_breaker.hpp>
#include <kedge/concurrency_limit.hpp>
#include <kedge/detail/pipeline_state.hpp>
#include <kedge/idempotent.hpp>
#include <kedge/retry.hpp>
#include <kedge/threading.hpp>
#include <kedge/timeout.hpp>
#include <kedge/verdict.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/is_executor.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace kedge {

template <class Ex> concept executor = boost::asio::execution::is_executor<Ex>::value;
template <class C> concept context = std::convertible_to<C&, boost::asio::execution_context&>;

/** Policies around an operation, the first one outermost: it reads like a call stack.
 *
 *  @code
 *  const kedge::pipeline resilient{io, kedge::total_timeout{2s}, kedge::retry{}, breaker, kedge::timeout{300ms}};
 *  int p = co_await resilient.async_call(price, asio::use_awaitable);
 *  @endcode
 *
 *  A policy maps an operation to an operation with the same signature, and a pipeline is a policy: the result is an
 *  ordinary Asio operation and takes any completion token, executor, allocator and cancellation slot. An **operation**
 *  is an asynchronous call without its token (`[&](auto&& token) { return socket.async_connect(peer, token); }`), or a
 *  coroutine function (`asio::awaitable<T> f()`); either may take a `const kedge::attempt&` first.
 *
 *  Policies: `total_timeout`, `retry`, `circuit_breaker`, `concurrency_limit`, `timeout`, another pipeline, and your
 *  own: anything with `wrap(executor, operation) -> operation`. In front of them may stand `threading::one_thread{}` and
 *  `classify_by{f}`. Without any policy a pipeline is the identity.
 *
 *  @par Cost  One allocation per call from the associated allocator, whatever the number of policies; it is freed before
 *  the handler runs. Your own policy splits the call into two such blocks.
 *  @par Thread safety  Const members may be called from any thread. One call is one logical thread, also on a context
 *  that many threads run.
 *  @par Lifetimes  Running calls keep the policies alive; the pipeline may be destroyed. The context must outlive both.
 */
template <class Ex, class... Policies> class pipeline {
public:
    using executor_type = Ex;

    /// @throws std::invalid_argument if a `timeout` is not smaller than the `total_timeout` around it
    explicit pipeline(Ex ex, Policies... policies)
        requires executor<Ex>
        : state_(std::make_shared<const state>(std::move(ex), std::move(policies)...)) {}

    template <context C>
    explicit pipeline(C& ctx, Policies... policies) : pipeline(ctx.get_executor(), std::move(policies)...) {}

    /** Calls `op` through the policies.
     *
     *  @par Completion signature  That of `op`: `void(error_code, Ts...)` or, for a coroutine,
     *  `void(std::exception_ptr, T)`. Refusals of kedge come as `error_code`, or as `system_error` in the second form.
     *  @par Errors  Those of `op`; `errc::timed_out`, `deadline_exceeded`, `deadline_too_short`, `circuit_open`,
     *  `limit_full`, `operation_threw`; `asio::error::operation_aborted` when the caller cancelled. When kedge stops a
     *  retry, the result is the last error of the dependency, and the report says who stopped it.
     *  @par Executors  The handler runs on its associated executor, by default @ref get_executor; never inside this
     *  function. Coroutines run on that executor if it is a strand, else on a new strand of it. Build no I/O object that
     *  outlives the call on the executor that an operation finds associated with its handler.
     *  @par Per-operation cancellation  Terminal, partial, and until the first attempt has failed total; forwarded to
     *  the operation, and it ends a wait at once. Emit it where the handler would run.
     *  @par Exceptions  Only from allocating the call, before it starts.
     *
     *  @param op     copied or moved into the call. With a `retry` it is called once for each attempt, at a stable
     *                address; one that can be called only once does not compile then.
     *  @param c      what belongs to this call: deadline, report, tag, whether it may be repeated.
     *  @param token  completion token; for coroutines `asio::use_awaitable` (Asio's `deferred` cannot await their
     *                signature on Boost 1.81).
     */
    template <class Op, class Token = boost::asio::deferred_t> auto async_call(Op op, call c, Token&& token = {}) const {
        return start(std::forward<Token>(token), std::move(op), c);
    }

    /// The same for a call with nothing of its own; its place is the caller's line.
    template <class Op, class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_call(Op op, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) const {
        return start(std::forward<Token>(token), std::move(op), call{.place = where});
    }

    /// The pipeline as a policy: `op` behind these policies. `ex` is not used, since a pipeline has its own executor.
    template <class Executor, class Op> auto wrap(const Executor&, Op op) const {
        return detail::piped_operation<const state, Op>(state_, std::move(op));
    }

    executor_type get_executor() const noexcept { return state_->executor; }

    /// @cond  for the blocking shell
    const auto& policies() const noexcept { return *state_; }
    /// @endcond

private:
    using state = detail::pipeline_state<Ex, Policies...>;

    template <class Token, class Op> auto start(Token&& token, Op op, const call& c) const {
        return detail::start_call(state_, std::forward<Token>(token), std::move(op), c);
    }

    std::shared_ptr<const state> state_;
};

template <context C, class... Policies> pipeline(C&, Policies...) -> pipeline<typename C::executor_type, Policies...>;
template <executor Ex, class... Policies> pipeline(Ex, Policies...) -> pipeline<Ex, Policies...>;

}  // namespace kedge
