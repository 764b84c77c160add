// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/database/any_core.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace kedge {

/** Statements and transactions against one database, which survive what databases do: total timeout ⊃ retry ⊃ circuit
 *  breaker ⊃ timeout ⊃ connection pool ⊃ statement.
 *
 *  @code
 *  kedge::sqlite::client db{io, {.url = "sqlite:/var/lib/shop.db"}};
 *  auto rows = co_await db.async_query("select id, total from orders where customer = $1", kedge::params(customer),
 *                                      asio::use_awaitable);
 *  for (auto [id, total] : rows.as<std::int64_t, std::string_view>()) …
 *  @endcode
 *
 *  A handle on shared state: copies are the same client. Works without @ref async_run; that makes health checks and the
 *  pool's upkeep continuous. A statement is repeated after what certainly was not executed; after anything ambiguous only
 *  where the caller says so (`call::repeating`, `transaction_options::read_only`).
 *
 *  @tparam Connection see @ref database_connection; `sqlite::connection`, `testing::scripted_connection`
 *
 *  What holds for all of its functions:
 *
 *  @par Executors  Handlers run on their associated executor, by default @ref get_executor, never inside the function.
 *  @par Per-operation cancellation  terminal and partial, and total until an attempt has failed; a transaction under way
 *  hears terminal only, a statement under way what its connection supports, which is terminal at least. A wait, in the queue
 *  or for a retry, ends at once. A statement does too; its connection is not lent again before the server is done with it.
 *  Emit it where the handler would run.
 *  @par Errors  In the order in which a call meets them:
 *  @li @ref sql_errc - the text or the parameters cannot be right; nothing was sent
 *  @li `errc::circuit_open` - refused without asking the pool; `report.retry_after` says when to come back
 *  @li `errc::pool_exhausted` - no connection came free within `acquire_timeout` or the time of the attempt, or too many
 *      were waiting already; the report says who holds them
 *  @li `errc::pool_closed` - after @ref async_shutdown
 *  @li the connect error itself - nothing is connected, and dialing has failed for a second
 *  @li `Connection`'s own errors; `report.said` has the server's words
 *  @li `errc::timed_out` (`query_timeout`), `errc::deadline_exceeded` (`total_timeout` or `call::deadline`),
 *      `errc::deadline_too_short` (the deadline had passed before the call could begin)
 *  @li `asio::error::operation_aborted` - cancelled
 *  @par Records  Each failed call makes one record in `database_options::sink`, unless its caller cancelled it.
 *  @par Lifetimes  Running calls keep what they need; the client may be destroyed. The context must outlive both. When it is
 *  destroyed first, handlers are destroyed without being called.
 *  @par Thread safety  Safe from any thread; one handle object is not to be assigned meanwhile.
 *  @par Exceptions  Only from copying arguments and allocating the call, before it starts.
 *  @par Complexity  One allocation for the call, and one each for an attempt's copy of text and values, its handler and its
 *  place in the pool; what the connection needs comes on top.
 */
template <detail::client_connection Connection> class database_client {
public:
    using executor_type = boost::asio::any_io_executor;
    using connection_type = Connection;

    /// Connects to nothing yet: the pool dials when somebody needs a connection.
    /// @throws std::invalid_argument names the option and its value, or the accepted forms of a URL
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    database_client(C& ctx, const database_options& options)
        : core_(detail::make_database_core<Connection>(executor_type(ctx.get_executor()), options)) {}

    executor_type get_executor() const noexcept { return core_->executor; }

    /** Executes one statement and fetches its rows, all of them into memory.
     *
     *  @par Completion signature  `void(error_code, rows)`; the rows are empty if there is an error.
     *  @param text   a literal, or @ref dynamic_sql; UTF-8 without NUL; parameters are `$1`, `$2`, …
     *  @param values as many as the text has places for; owned by the call
     *  @param c      deadline, report, tag, and whether it may be repeated
     */
    template <class Token = boost::asio::deferred_t>
    auto async_query(sql_text text, params values, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, rows)>(
            [self = core_](auto&& handler, sql_text sql, params given, const call& of) {
                query(self, {std::move(sql), std::move(given)}, of, std::forward<decltype(handler)>(handler));
            },
            token, std::move(text), std::move(values), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_query(sql_text text, params values, Token&& token = {},
                     boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_query(std::move(text), std::move(values), call{.place = where}, std::forward<Token>(token));
    }

    /** Executes one statement and gives its rows away in pieces, so that a result of any size takes little memory.
     *
     *  One attempt: it is never repeated, since rows may have been given away already.
     *
     *  @par Completion signature  `void(error_code)`, after the last piece.
     *  @par Errors  Those of every call, and `errc::operation_threw`: `take` did; the exception is in `call_report::thrown`, and
     *  the statement was ended. Rows that came before an error are no whole result.
     *  @param text   parameters, text and the call as for @ref async_query
     *  @param take   `void(kedge::rows)`; moved into the call; called on the handler's executor with up to 1000 rows or about
     *                1 MiB at a time, each with all column names, and nothing is read meanwhile. For pieces that are handled
     *                asynchronously use a cursor (`declare`, `fetch 1000`) in a transaction.
     *  @par Complexity  Memory: one piece, and one row as large as the server sends it.
     */
    template <class F, class Token = boost::asio::deferred_t>
        requires detail::known_to_read_in_batches<Connection> && std::is_invocable_v<F&, rows>
    auto async_query_batches(sql_text text, params values, F take, call c, Token&& token = {}) {
        c.repeating = repeat::forbidden;
        return boost::asio::async_initiate<Token, void(error_code)>(
            [self = core_](auto&& handler, detail::statement what, const call& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                query(self, std::move(what), of, detail::code_only<handler_type>(std::forward<decltype(handler)>(handler)));
            },
            token, detail::statement{std::move(text), std::move(values), batch_receiver(std::move(take))}, c);
    }
    template <class F, class Token = boost::asio::deferred_t>
        requires detail::known_to_read_in_batches<Connection> && std::is_invocable_v<F&, rows> &&
                 (!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_query_batches(sql_text text, params values, F take, Token&& token = {},
                             boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_query_batches(std::move(text), std::move(values), std::move(take), call{.place = where},
                                   std::forward<Token>(token));
    }

    /** Executes one statement and counts what it changed; parameters as for @ref async_query.
     *
     *  @par Completion signature  `void(error_code, affected)`; zero rows if there is an error. After an ambiguous one
     *  (`timed_out`, a reset connection) nobody knows whether it was executed.
     */
    template <class Token = boost::asio::deferred_t>
    auto async_execute(sql_text text, params values, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, affected)>(
            [self = core_](auto&& handler, sql_text sql, params given, const call& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                query(self, {std::move(sql), std::move(given)}, of,
                      detail::affected_only<handler_type>(std::forward<decltype(handler)>(handler)));
            },
            token, std::move(text), std::move(values), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_execute(sql_text text, params values, Token&& token = {},
                       boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_execute(std::move(text), std::move(values), call{.place = where}, std::forward<Token>(token));
    }

    /** Runs `body` between BEGIN and COMMIT on one connection.
     *
     *  Committed when `body` returns, rolled back when it throws or the call is cancelled or too late. It may run again, from
     *  its beginning, after an error that certainly left nothing behind (a lock, a deadlock); what it does outside of the
     *  database must bear that. What it throws of its own comes out unchanged, is not repeated, and says nothing against
     *  the database; it makes no record.
     *
     *  @par Completion signature  `void(std::exception_ptr, T)`, or `void(std::exception_ptr)` if T is void; errors come as
     *  `boost::system::system_error`. T must be default constructible.
     *  @par Errors  Besides those of every call `errc::commit_unknown`: COMMIT was sent and its answer was lost, be it that
     *  the connection broke, the time was over or the caller cancelled. Never repeated. With `resolve_commit` the server is
     *  asked: what was committed is a success, what was rolled back runs again (`sql_errc::rolled_back` if it may not), and
     *  only what cannot be found out within the time of the attempt is unknown.
     *
     *  @param body    `asio::awaitable<T>(kedge::transaction&)`; called on the coroutine's own executor, once per attempt,
     *                 always as the same object, which lives in the call
     *  @param options `read_only` makes the server refuse writes, and the whole may be repeated after any failure;
     *                 `resolve_commit` asks for the fate of a lost COMMIT
     *  @param token   `asio::use_awaitable` (Asio's `deferred` cannot await this signature on Boost 1.81)
     */
    template <class F, class Token = boost::asio::deferred_t>
    auto async_transaction(F body, transaction_options options, call c, Token&& token = {}) {
        using function_type = detail::transaction_function<F>;
        if (options.read_only && c.repeating == repeat::as_configured) c.repeating = repeat::harmless;
        return boost::asio::async_initiate<Token, typename function_type::signature>(
            [self = core_, options](auto&& handler, std::shared_ptr<function_type> function, const call& of) {
                const attempt outer = get_associated_attempt(handler);
                auto result = detail::result_of(function, std::forward<decltype(handler)>(handler));
                self->transact(std::move(function), options, of, outer, {std::move(result), self->executor});
            },
            token, std::make_shared<function_type>(std::move(body)), c);
    }
    template <class F, class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_transaction(F body, transaction_options options = {}, Token&& token = {},
                           boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_transaction(std::move(body), options, call{.place = where}, std::forward<Token>(token));
    }

    /// Asks the server for a sign of life, through pool and breaker like any call, but never twice; `void(error_code)`.
    template <class Token = boost::asio::deferred_t> auto async_ping(call c, Token&& token = {}) {
        c.repeating = repeat::forbidden;
        return boost::asio::async_initiate<Token, void(error_code)>(
            [self = core_](auto&& handler, const call& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                query(self, {"select 1", params()}, of,
                      detail::code_only<handler_type>(std::forward<decltype(handler)>(handler)));
            },
            token, c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_ping(Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_ping(call{.place = where}, std::forward<Token>(token));
    }

    /** Continuous health checks and upkeep of the pool. One at a time is enough.
     *
     *  At once and then every `health_interval`, a tenth more or less, a `select 1` goes through the pool. Its changes of
     *  state are `health_changed` events, and @ref snapshot shows it. When the circuit breaker has opened, the checks are its
     *  probes, so that it closes without a caller who had to try. A check makes no record.
     *
     *  @par Completion signature  `void(error_code)`: `asio::error::operation_aborted` when cancelled; none after
     *  @ref async_shutdown or the end of the last handle and call, when the check that was under way has ended.
     *  @par Per-operation cancellation  terminal, partial and total; both loops end within one turn.
     *  @par Lifetimes  Keeps the context's `run()` from returning, but not the client alive.
     */
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [self = core_](auto&& handler) {
                self->run({std::forward<decltype(handler)>(handler), self->executor});
            },
            token);
    }

    /** Refuses new calls and those that wait (`errc::pool_closed`), lets the running ones finish, ends @ref async_run.
     *
     *  @par Completion signature  `void(error_code)`: none when no connection is open any more, `errc::pool_exhausted` if
     *  some were still in use at `deadline`: those calls go on, and their connections are closed as they come back.
     */
    template <class Token = boost::asio::deferred_t> auto async_shutdown(time_point deadline, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [self = core_](auto&& handler, time_point until) {
                self->shutdown(until, {std::forward<decltype(handler)>(handler), self->executor});
            },
            token, deadline);
    }

    /// Pool, breaker, budget and health, each consistent in itself. @par Complexity  O(1), three locks.
    database_snapshot snapshot() const { return core_->snapshot(); }

private:
    using share = std::shared_ptr<detail::any_database_core>;

    template <class Handler> static void query(const share& core, detail::statement what, const call& c, Handler handler) {
        const attempt outer = get_associated_attempt(handler);
        core->query(std::move(what), c, outer, {std::move(handler), core->executor});
    }

    share core_;
};

/// The spelling of the request that kedge was made for.
template <detail::client_connection Connection> using DatabaseClient = database_client<Connection>;

}  // namespace kedge
