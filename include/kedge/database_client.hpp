// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/operations.hpp>
#include <kedge/database/options.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/runtime.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/compose.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace kedge {

namespace detail {

template <class Connection> struct judge_by_connection {
    template <class... Ts> verdict operator()(const error_code& ec, const Ts&...) const noexcept {
        return Connection::classify(ec);
    }
};

/// What a client's handles and its running calls share.
template <class Connection> class database_core : public std::enable_shared_from_this<database_core<Connection>> {
public:
    template <context C>
    database_core(C& ctx, const database_options& o)
        : rt(runtime::of(ctx.get_executor())), sink(o.sink), health_interval(o.health_interval),
          breaker({.name = o.name, .consecutive_failures = o.breaker_threshold, .on_event = o.on_event}),
          pool(ctx,
               {.name = o.name, .max = o.max_connections, .acquire_timeout = o.acquire_timeout,
                .connect_timeout = o.connect_timeout, .on_event = o.on_event},
               typename Connection::connector_type(o.url)),
          pipe(boost::asio::any_io_executor(ctx.get_executor()), classify_by<judge_by_connection<Connection>>{},
               total_timeout{o.total_timeout}, retry({.max_retries = o.max_retries, .on_event = o.on_event}), breaker,
               timeout{o.query_timeout}) {}

    template <class Handler> void query(sql_text text, params values, const call& c, Handler handler) {
        start(std::move(text), std::move(values), c, rows_completion(std::move(handler), pipe.get_executor()));
    }

    void start(sql_text text, params values, const call& c, rows_completion handler) {
        auto report = [self = this->shared_from_this(), c](rows_completion&& next, error_code ec, rows result) {
            self->failed(ec, c);
            std::move(next)(ec, std::move(result));
        };
        then_handler<rows_completion, decltype(report)> reporting(std::move(handler), std::move(report));
        if (const error_code bad = check_statement(text, values)) {
            const auto ex = boost::asio::get_associated_executor(reporting, pipe.get_executor());
            boost::asio::post(ex, [next = std::move(reporting), bad]() mutable { next(bad, rows()); });
            return;
        }
        pipe.async_call(query_operation<Connection>(pool, std::move(text), std::move(values)), c, std::move(reporting));
    }

    /// One record for each failed call; a caller who gave up knows it himself.
    void failed(const error_code& ec, const call& c) const noexcept {
        if (ec && sink && ec != boost::asio::error::operation_aborted)
            log::database_error(*sink, {.error = ec, .place = c.place, .time = rt.wall_now()});
    }
    void failed(const std::exception_ptr& thrown, const call& c) const noexcept {
        if (!thrown || !sink) return;
        try {
            std::rethrow_exception(thrown);
        } catch (const boost::system::system_error& e) {
            failed(e.code(), c);
        } catch (...) {  // the application's own
        }
    }

    runtime& rt;
    std::shared_ptr<log::sink> sink;
    nanoseconds health_interval;
    circuit_breaker breaker;
    connection_pool<Connection> pool;
    pipeline<boost::asio::any_io_executor, classify_by<judge_by_connection<Connection>>, total_timeout, retry,
             circuit_breaker, timeout>
        pipe;
};

}  // namespace detail

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
 *  A handle on shared state. Works without @ref async_run; that makes health checks and the pool's upkeep continuous.
 *  A statement is repeated after what certainly was not executed; after anything ambiguous only where the caller says so
 *  (`call::repeating`, `transaction_options::read_only`).
 *
 *  @tparam Connection see @ref database_connection; `sqlite::connection`, `testing::scripted_connection`
 *  @par Per-operation cancellation  As for `pipeline::async_call`.
 *  @par Errors  `Connection`'s own; @ref sql_errc; `errc::pool_exhausted`, `pool_closed`, `circuit_open`, `timed_out`,
 *  `deadline_exceeded`, `deadline_too_short`, `commit_unknown`; `operation_aborted`.
 *  @par Lifetimes  Running calls keep what they need; the client may be destroyed. The context must outlive both.
 *  @par Thread safety  Safe from any thread.
 */
template <database_connection Connection> class database_client {
public:
    using executor_type = boost::asio::any_io_executor;

    /// @throws std::invalid_argument names the option and its value, or the accepted forms of a URL
    template <context C>
    database_client(C& ctx, const database_options& options) : core_(std::make_shared<core>(ctx, options)) {}

    executor_type get_executor() const noexcept { return core_->pipe.get_executor(); }

    /** Executes one statement and fetches its rows; `void(error_code, rows)`.
     *  @param text a literal or @ref dynamic_sql; parameters are `$1`, `$2`, …
     *  @param c deadline, report, tag, and whether it may be repeated
     */
    template <class Token = boost::asio::deferred_t>
    auto async_query(sql_text text, params values, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, rows)>(
            [self = core_](auto&& handler, sql_text sql, params given, const call& of) {
                const call inner = inside(of, get_associated_attempt(handler));
                self->query(std::move(sql), std::move(given), inner, std::forward<decltype(handler)>(handler));
            },
            token, std::move(text), std::move(values), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_query(sql_text text, params values, Token&& token = {},
                     boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_query(std::move(text), std::move(values), call{.place = where}, std::forward<Token>(token));
    }

    /// Executes one statement and counts what it changed; `void(error_code, affected)`.
    template <class Token = boost::asio::deferred_t>
    auto async_execute(sql_text text, params values, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, affected)>(
            [self = core_](auto&& handler, sql_text sql, params given, const call& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                const call inner = inside(of, get_associated_attempt(handler));
                self->query(std::move(sql), std::move(given), inner,
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

    /** Runs `body` between BEGIN and COMMIT; `void(std::exception_ptr, T)`.
     *
     *  Committed when `body` returns, rolled back when it throws or the call is cancelled. It may run again, from its
     *  beginning, after an error that certainly left nothing behind (a lock, a deadlock); what it does outside of the
     *  database must bear that. `errc::commit_unknown`: COMMIT was sent and its answer was lost; never repeated.
     *
     *  @param body `asio::awaitable<T>(kedge::transaction&)`; called on the coroutine's own executor
     *  @param options `read_only` makes the server refuse writes, and the whole may always be repeated
     *  @param token `asio::use_awaitable` (`deferred` cannot await this signature on Boost 1.81)
     */
    template <class F, class Token = boost::asio::deferred_t>
    auto async_transaction(F body, transaction_options options, call c, Token&& token = {}) {
        using operation = detail::transaction_operation<Connection, F>;
        using signature = typename detail::transaction_signature<typename operation::value_type>::type;
        if (options.read_only && c.repeating == repeat::as_configured) c.repeating = repeat::harmless;
        operation run(core_->pool, std::move(body), options);
        return boost::asio::async_initiate<Token, signature>(
            [self = core_](auto&& handler, operation op, const call& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                auto report = [self, of](handler_type&& next, std::exception_ptr thrown, auto... value) {
                    self->failed(thrown, of);
                    std::move(next)(std::move(thrown), std::move(value)...);
                };
                detail::then_handler<handler_type, decltype(report)> reporting(std::forward<decltype(handler)>(handler),
                                                                               std::move(report));
                self->pipe.async_call(std::move(op), of, std::move(reporting));
            },
            token, std::move(run), c);
    }
    template <class F, class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_transaction(F body, transaction_options options = {}, Token&& token = {},
                           boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_transaction(std::move(body), options, call{.place = where}, std::forward<Token>(token));
    }

    /// Asks the server for a sign of life, through pool and breaker, once; `void(error_code)`.
    template <class Token = boost::asio::deferred_t> auto async_ping(call c, Token&& token = {}) {
        c.repeating = repeat::forbidden;
        return boost::asio::async_initiate<Token, void(error_code)>(
            [self = core_](auto&& handler, const call& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                auto map = [](handler_type&& next, error_code ec, rows) { std::move(next)(ec); };
                detail::then_handler<handler_type, decltype(map)> mapped(std::forward<decltype(handler)>(handler),
                                                                         std::move(map));
                self->query("select 1", params(), of, std::move(mapped));
            },
            token, c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_ping(Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_ping(call{.place = where}, std::forward<Token>(token));
    }

    /// Continuous upkeep of the pool until cancelled; `void(error_code)`.
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return core_->pool.async_run(std::forward<Token>(token));
    }

    /// Refuses new calls, lets old ones finish until `deadline`; `void(error_code)`.
    template <class Token = boost::asio::deferred_t> auto async_shutdown(time_point deadline, Token&& token = {}) {
        return core_->pool.async_shutdown(deadline, std::forward<Token>(token));
    }

    database_snapshot snapshot() const { return {core_->pool.snapshot(), core_->breaker.snapshot()}; }

private:
    using core = detail::database_core<Connection>;

    /// A call inside another kedge call ends no later than that one.
    static call inside(call c, const attempt& outer) noexcept {
        c.deadline = std::min(c.deadline, outer.deadline);
        if (c.repeating == repeat::as_configured) c.repeating = outer.repeating;
        if (c.tag.empty()) c.tag = outer.tag;
        return c;
    }

    std::shared_ptr<core> core_;
};

}  // namespace kedge
