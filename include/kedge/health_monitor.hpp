// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/circuit_breaker.hpp>
#include <kedge/core/health.hpp>
#include <kedge/detail/health_state.hpp>

#include <boost/asio/compose.hpp>
#include <boost/asio/deferred.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace kedge {

/** Finds out whether a dependency is well, also when nobody calls it.
 *
 *  `check` is an operation `void(error_code)`: a ping, a `select 1`. The first result decides; later two of the last
 *  three must agree. With a breaker, a state other than closed means `degraded`, and the check serves as its probe: it
 *  comes when the breaker's open time is over, so that no user's call is sacrificed. While the breaker is closed, checks
 *  do not count in it.
 *
 *  A handle: copies share the state. Checks never overlap; one that is asked for while another runs waits for its turn.
 *
 *  @par Thread safety  All members may be called from any thread.
 *  @par Lifetimes      Operations keep the state alive; the handle may be destroyed.
 */
template <class Executor, class Check> class health_monitor {
public:
    using executor_type = Executor;

    /// @param breaker  what the check probes for; none: the check stands alone
    /// @throws std::invalid_argument names the option, its value and its range
    health_monitor(const Executor& ex, health_monitor_options options, Check check,
                   std::optional<circuit_breaker> breaker = std::nullopt)
        : state_(std::make_shared<state>(ex, std::move(options), std::move(check), std::move(breaker))) {}

    template <context C>
    health_monitor(C& ctx, health_monitor_options options, Check check,
                   std::optional<circuit_breaker> breaker = std::nullopt)
        : health_monitor(ctx.get_executor(), std::move(options), std::move(check), std::move(breaker)) {}

    /** Checks once, now or after the check that is under way.
     *
     *  @par Completion signature  `void(error_code)`: the result of the check, `errc::timed_out` after the option
     *  `timeout`, `errc::limit_full` when sixteen wait already.
     *  @par Per-operation cancellation  terminal, partial, total; a cancelled check counts for nothing.
     */
    template <class Token = boost::asio::deferred_t> auto async_check(Token&& token = {}) {
        return state_->in_turn.async_call(detail::recorded_check<state>{state_}, std::forward<Token>(token));
    }

    /** Checks at once and then every interval, a tenth more or less, until cancelled.
     *
     *  @par Completion signature  `void(error_code)`, always `asio::error::operation_aborted`.
     *  @par Per-operation cancellation  terminal, partial, total; a check under way is cancelled too.
     */
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return boost::asio::async_compose<Token, void(error_code)>(detail::health_loop<state>{state_}, token,
                                                                   get_executor());
    }

    health_snapshot snapshot(time_point now = kedge::coarse_now()) const { return state_->snapshot(now); }

    executor_type get_executor() const noexcept { return state_->in_turn.get_executor(); }

private:
    using state = detail::health_state<Executor, Check>;

    std::shared_ptr<state> state_;
};

template <context C, class Check, class... Breaker>
health_monitor(C&, health_monitor_options, Check, Breaker...) -> health_monitor<typename C::executor_type, Check>;
template <executor Ex, class Check, class... Breaker>
health_monitor(Ex, health_monitor_options, Check, Breaker...) -> health_monitor<Ex, Check>;

}  // namespace kedge
