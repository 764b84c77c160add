// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/detail/after_context.hpp>
#include <kedge/detail/pool_blocking.hpp>
#include <kedge/detail/pool_options.hpp>
#include <kedge/detail/pool_with.hpp>
#include <kedge/detail/this_thread_runs.hpp>
#include <kedge/lease.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <concepts>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kedge {

namespace detail {

/// What the copies of a pool share; the last one shuts it down.
struct pool_handle {
    std::shared_ptr<pool_state> state;
    std::shared_ptr<const plain_calls> uses;  ///< for async_with
    explicit pool_handle(std::shared_ptr<pool_state> s)
        : state(std::move(s)), uses(std::make_shared<const plain_calls>(state->executor)) {}
    pool_handle(const pool_handle&) = delete;
    pool_handle& operator=(const pool_handle&) = delete;
    ~pool_handle() { state->last_handle_gone(); }
};
using pool_share = std::shared_ptr<pool_handle>;

template <class Token>
concept token_not_call = !std::same_as<std::remove_cvref_t<Token>, call>;

/// Waits no longer than the pool allows, the caller asks, and the call around it lasts.
inline void set_limits(pool_entry& e, pool_state& pool, const call& c, const attempt& outer) noexcept {
    e.begun = pool.now();
    const time_point own = core::saturating_add(e.begun, pool.settings.acquire_timeout);
    e.use_by = std::min(c.deadline, outer.deadline);
    e.deadline = std::min(own, e.use_by);
    e.report = c.report ? c.report : outer.report;
    e.tag = c.tag.empty() ? outer.tag : c.tag;
    e.place = c.place;
}

template <class Finish> struct start_pool_operation {
    pool_share share;
    void (pool_state::*enter)(pool_entry&) noexcept;

    /// Once the operation has entered, neither it nor this object may be touched: both may be gone.
    template <class Handler> void operator()(Handler&& handler, const call& c) const {
        using operation = pool_operation<std::decay_t<Handler>, Finish>;
        const std::shared_ptr<pool_state> pool = share->state;
        const auto how = enter;
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        if (pool->is_over()) return finish_after_context<Finish>(std::move(own), pool);
        const attempt outer = get_associated_attempt(own);
        operation* const op = operation::make(std::move(own), *pool);
        if constexpr (std::is_same_v<Finish, finish_plain>) op->deadline = c.deadline;
        else set_limits(*op, *pool, c, outer);
        ((*pool).*how)(*op);
    }
};

template <class T, class F> struct start_pool_use {
    start_pool_operation<finish_lease<T, true>> acquire;

    template <class Handler> void operator()(Handler&& handler, F use, const call& c) const {
        using acquired = with_acquired<std::decay_t<Handler>, T, F>;
        acquire(acquired(std::decay_t<Handler>(std::forward<Handler>(handler)), acquire.share->uses, std::move(use)), c);
    }
};

}  // namespace detail

/** Connections that are opened as needed, lent to one user at a time, and kept for the next one.
 *
 *  @code
 *  kedge::connection_pool<my_connection> pool{io, {.name = "orders", .max = 20}, connect};
 *  auto lease = co_await pool.acquire();
 *  co_await lease->async_send(request, asio::deferred);
 *  lease.recycle();
 *  @endcode
 *
 *  First come, first served: a connection that comes back goes to whoever waits longest, and nobody overtakes.
 *  Connections are opened by the pool, two at a time, never by the one who waits; while the server is away one at a
 *  time, ever more slowly, and after a second without any connection those who wait get the connect error itself; at once
 *  if it is `condition::permanent`.
 *
 *  A handle: copies share the pool, and destroying the last one shuts it down. Works without @ref async_run.
 *
 *  @tparam T what is lent; its address never changes
 *  @par Executors  Handlers run on their associated executor, by default the context's, never inside the call that
 *  started, cancelled or served them.
 *  @par Per-operation cancellation  terminal, partial and total. A connection that was just granted is delivered.
 *  @par Errors  `errc::pool_exhausted` (queue full, or waited until `acquire_timeout` or the call's deadline),
 *  `errc::pool_closed`, the last connect error while the server is down, `operation_aborted`. With `call::report`, or
 *  in a pipeline's attempt, the report says who holds the connections.
 *  @par Lifetimes  Operations and leases may outlive the pool. Leases and handles may also outlive the context: nothing is
 *  lent then, operations end in `errc::pool_closed`, or are destroyed if their handlers lived there, and a connection that
 *  is still lent when the context has been destroyed is never closed, since that would touch what is gone.
 *  @par Thread safety  All members may be called from any thread; one handle object is not to be assigned meanwhile.
 */
template <class T> class connection_pool {
public:
    using value_type = T;
    using executor_type = boost::asio::any_io_executor;
    using lease_type = lease<T>;

    /** @param connect either an operation that yields a T (`void(error_code, T)`, or a coroutine), which is called
     *  again for each connection; or a connector: `create(executor)` → `std::unique_ptr<T>`, `async_connect(T&, token)`,
     *  `close(T&) noexcept`, and if it likes `static inspect(const T&) noexcept` → @ref reuse, `async_reset(T&, token)`,
     *  `is_dead(T&) noexcept`, which peeks at a connection that rested for 500 ms, `async_ping(T&, token)`, which
     *  @ref async_run asks of one that rested for 2 min, and `static condemns(error_code) noexcept`: whether that error says
     *  that the server leaves all its clients. Opening, resetting and asking run on a strand of each connection's own, for
     *  at most `connect_timeout`.
     *  @throws std::invalid_argument names the option and its value */
    template <class Context, class Connect>
        requires std::convertible_to<Context&, boost::asio::execution_context&>
    connection_pool(Context& context, pool_options options, Connect connect)
        : share_(std::make_shared<detail::pool_handle>(std::make_shared<detail::pool_state>(
              executor_type(context.get_executor()), detail::settings_of(std::move(options)),
              std::make_unique<detail::pool_connector_for<T, Connect>>(std::move(connect))))) {}

    executor_type get_executor() const noexcept { return state().executor; }

    /** Empty if nothing is idle. Never waits, never opens a connection.
     *  @par Complexity  About 50 ns: one mutex, no allocation. */
    lease<T> try_acquire(const call& c) noexcept {
        if (c.deadline != never && c.deadline <= state().now()) return {};
        auto* const slot = state().try_lend(c.place, c.tag);
        return slot ? lease<T>(state(), *slot) : lease<T>();
    }
    lease<T> try_acquire(boost::source_location where = BOOST_CURRENT_LOCATION) noexcept {
        return try_acquire(call{.place = where});
    }

    /** Completes with `void(error_code, lease<T>)`, always by a post.
     *  @par Complexity  One allocation from the handler's allocator. */
    template <class Token = boost::asio::deferred_t> auto async_acquire(call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, lease<T>)>(start_acquire(), token, c);
    }
    template <detail::token_not_call Token = boost::asio::deferred_t>
    auto async_acquire(Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_acquire(call{.place = where}, std::forward<Token>(token));
    }

    /// For coroutines: no trip through the executor while something is idle. A loop that never waits never yields.
    boost::asio::awaitable<lease<T>> acquire(call c) { return acquire_by(*this, c); }
    boost::asio::awaitable<lease<T>> acquire(boost::source_location where = BOOST_CURRENT_LOCATION) {
        return acquire_by(*this, call{.place = where});
    }

    /** Blocks this thread, in the same line as everybody else, for at most `span`; another thread must run the context.
     *  @throws std::logic_error on a thread that runs the context, or in a simulation: it would wait for itself
     *  @throws boost::system::system_error the refusal */
    lease<T> acquire_for(nanoseconds span, call c) {
        const detail::pool_share share = share_;
        detail::pool_state& pool = *share->state;
        if (pool.is_over()) throw boost::system::system_error(errc::pool_closed, "kedge::connection_pool::acquire_for");
        detail::refuse_on_context_thread(pool.executor, pool.rt, "connection_pool::acquire_for");
        detail::pool_blocked_thread thread;
        c.deadline = std::min(c.deadline, core::saturating_add(pool.rt.now(), span));
        detail::set_limits(thread, pool, c, {});
        if (auto* const slot = thread.wait(pool)) return lease<T>(pool, *slot);
        const error_code ec = detail::error_of(thread.end, pool);
        detail::explain_refusal(thread, ec, pool);
        throw boost::system::system_error(ec, "kedge::connection_pool::acquire_for");
    }
    lease<T> acquire_for(nanoseconds span, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return acquire_for(span, call{.place = where});
    }

    /** Borrows a connection, calls `use(connection, token)` or the coroutine `use(connection)`, and gives the
     *  connection back before the handler runs: as `inspect` says, or without it according to whether `use` succeeded.
     *  Completes as `use` does; a refusal comes as its error or exception.
     *  @param use called once, on the handler's executor. A coroutine runs there if that is a strand, else on a new strand
     *  of it. If it throws before its operation has started, that ends in `errc::operation_threw`. */
    template <class F, class Token = boost::asio::deferred_t> auto async_with(F use, call c, Token&& token = {}) {
        using signature = typename detail::signature_of<detail::use_of_connection<T, F>&&>::type;
        const detail::start_pool_use<T, F> start{{share_, &detail::pool_state::acquire}};
        return boost::asio::async_initiate<Token, signature>(start, token, std::move(use), c);
    }
    template <class F, detail::token_not_call Token = boost::asio::deferred_t>
    auto async_with(F use, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_with(std::move(use), call{.place = where}, std::forward<Token>(token));
    }

    /// Continuous upkeep: closes what rested too long or grew too old, keeps `min_idle`, and asks silent connections whether
    /// they live, if the connector has `async_ping`. `void(error_code)`; ends when it is cancelled (`operation_aborted`) or
    /// the pool is shut down. Keeps the context's `run()` from returning.
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            start_plain{share_, &detail::pool_state::run_upkeep}, token, call{});
    }

    /** Refuses who waits and who comes, closes what is idle, and waits for what is lent; `void(error_code)`.
     *  `errc::pool_exhausted` if something is still out at `deadline`: it is closed as it comes back. */
    template <class Token = boost::asio::deferred_t> auto async_shutdown(time_point deadline, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            start_plain{share_, &detail::pool_state::shut_down}, token, call{.deadline = deadline});
    }

    /// No connection that exists now is lent again: after a failover, a change of password. Lent ones are closed as
    /// they come back.
    void invalidate([[maybe_unused]] std::string_view why) { state().invalidate(); }

    /// @param max 1 to 100 000. Never takes a connection away: the pool shrinks as they come back.
    void resize(int max) {
        detail::check_number("max", max, 1, detail::most_connections, "1 to 100000");
        state().resize(max);
    }

    pool_snapshot snapshot() const { return state().snapshot(); }

private:
    using start_plain = detail::start_pool_operation<detail::finish_plain>;

    detail::pool_state& state() const noexcept { return *share_->state; }

    detail::start_pool_operation<detail::finish_lease<T>> start_acquire() const {
        return {share_, &detail::pool_state::acquire};
    }

    /// The pool by value: the coroutine may outlive the handle.
    static boost::asio::awaitable<lease<T>> acquire_by(connection_pool pool, call c) {
        if (lease<T> held = pool.try_acquire(c)) co_return held;
        auto wait = pool.async_acquire(c);  // without a token: no second frame
        co_return co_await std::move(wait);
    }

    detail::pool_share share_;
};

}  // namespace kedge
