// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/circuit_breaker.hpp>
#include <kedge/core/health.hpp>
#include <kedge/detail/health_state.hpp>

#include <boost/asio/compose.hpp>
#include <boost/asio/deferred.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace kedge {

/** Finds out whether a dependency is well, also when nobody calls it.
 *
 *  `check` is an operation `void(error_code, Ts...)`: a ping, a `select 1`. The first result decides; later two of the last
 *  three must agree. A check that kedge itself refused (no connection was free) means `degraded`, since it tells nothing of
 *  the dependency. Results are judged by @ref classify, or by `check`'s own `static classify(error_code) noexcept`.
 *
 *  With a breaker, a state other than closed means `degraded`, and the check serves as its probe: it comes when the
 *  breaker's open time is over, so that no user's call is sacrificed; see `health_monitor_options::closes_breaker`. While
 *  the breaker is closed, checks do not count in it.
 *
 *  A handle: copies share the state. Checks never overlap; one that is asked for while another runs waits for its turn.
 *
 *  @par Executors      Handlers run on their associated executor, by default @ref get_executor; never inside a function.
 *  @par Thread safety  All members may be called from any thread.
 *  @par Lifetimes      Operations keep the state alive; the handle may be destroyed. The context must outlive both.
 */
template <class Executor, class Check> class health_monitor {
public:
    using executor_type = Executor;

    /// @param check    copied for each check
    /// @param breaker  what the check probes for; none: the check stands alone
    /// @throws std::invalid_argument names the option, its value and its range
    health_monitor(const Executor& ex, health_monitor_options options, Check check,
                   std::optional<circuit_breaker> breaker = std::nullopt)
        : state_(std::make_shared<state>(ex, std::move(options), std::move(check), std::move(breaker))) {
        if (state_->breaker) state_->breaker->watch(state_);
    }

    template <context C>
    health_monitor(C& ctx, health_monitor_options options, Check check,
                   std::optional<circuit_breaker> breaker = std::nullopt)
        : health_monitor(ctx.get_executor(), std::move(options), std::move(check), std::move(breaker)) {}

    /** Checks once, now or after the check that is under way.
     *
     *  @par Completion signature  That of the check, with its results; `void(error_code)` for a plain ping.
     *  @par Errors  Those of the check; `errc::timed_out` after the option `timeout`, `errc::limit_full` when sixteen wait
     *  already, `errc::deadline_exceeded` or `deadline_too_short` when the caller's time was over, `operation_aborted`.
     *  @par Per-operation cancellation  terminal, partial, total; a cancelled check counts for nothing.
     *  @param c deadline, report and tag of this check
     */
    template <class Token = boost::asio::deferred_t> auto async_check(call c, Token&& token = {}) {
        return state_->in_turn.async_call(detail::recorded_check<state>{state_}, c, std::forward<Token>(token));
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_check(Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_check(call{.place = where}, std::forward<Token>(token));
    }

    /** Checks at once and then every interval, a tenth more or less; sooner when the breaker opens and wants a probe.
     *
     *  @par Completion signature  `void(error_code)`: `asio::error::operation_aborted` when cancelled, none after @ref stop.
     *  @par Per-operation cancellation  terminal, partial, total; a check under way is cancelled too.
     *  Emit it where the handler would run. Keeps the context's `run()` from returning.
     */
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return boost::asio::async_compose<Token, void(error_code)>(detail::health_loop<state>{state_}, token,
                                                                   get_executor());
    }

    /// Ends each @ref async_run, after the check that is under way, and those that are started later. For who owns the
    /// dependency and closes it.
    void stop() const noexcept { state_->stop(); }

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
