// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/commit.hpp>
#include <kedge/postgres/error.hpp>
#include <kedge/postgres/impl/session.hpp>

#include <boost/asio/deferred.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kedge::postgres {

class connector;

/** One session on a PostgreSQL server, by libpq's non-blocking interface.
 *
 *  Up to 64 prepared statements are kept. One statement at a time, further ones queue. A statement whose attempt has a deadline
 *  runs under a `statement_timeout` a little below it. Rows come one by one from libpq; those of one result may take 64 MiB.
 *
 *  Made and closed by a @ref connector. Not movable.
 *
 *  @par Cancellation  terminal and partial: the operation completes within one turn; the server is asked to end the
 *  statement, and the connection is not clean until it has, and is done with the request. After 2 s without that it is closed.
 *  @par Errors  codes of `postgres::category()`, @ref sql_errc, `operation_aborted`, `asio::error::eof` when the connection is
 *  lost and nobody knows whether the statement was executed, `not_connected` afterwards. The report has the server's words and
 *  its SQLSTATE.
 *  @par Lifetimes  May be destroyed while operations are outstanding; they end with `operation_aborted`. The context must
 *  outlive it; when that is destroyed first, handlers are destroyed without being called and the socket is closed.
 *  @par Thread safety  Distinct objects: safe. Shared: safe, except for destruction.
 */
class connection {
public:
    using connector_type = connector;

    explicit connection(boost::asio::any_io_executor ex)
        : executor_(std::move(ex)),
          session_(std::make_shared<detail::session>(
              executor_, runtime::of(executor_), boost::asio::query(executor_, boost::asio::execution::context))) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { session_->close(); }

    /** Executes one statement, with `void(error_code, rows)`.
     *
     *  @param text   one statement; parameters are `$1`, `$2`, …, of the type that their place in the statement gives them: where
     *                it gives none, they are text (`select $1::bigint` says so)
     *  @param values as many as the statement has places for
     *  @par Complexity  One round trip, also for a statement that is new or that needs another time limit.
     */
    template <class Token = boost::asio::deferred_t>
    auto async_query(sql_text text, params values, Token&& token = {}) {
        const error_code refused = check_statement(text, values);
        return start<true>(detail::task::execute, std::move(text), std::move(values), refused, token);
    }

    /** Executes one statement and gives its rows away in batches, with `void(error_code)`; see @ref reads_in_batches.
     *
     *  While the receiver has one, nothing is read, so that the server waits, too. If it refuses, the statement is cancelled and
     *  ends with `operation_aborted`.
     */
    template <class Token = boost::asio::deferred_t>
    auto async_query_batches(sql_text text, params values, batch_receiver take, Token&& token = {}) {
        const error_code refused = check_statement(text, values);
        auto work = detail::make_job(detail::task::execute, std::move(text), std::move(values));
        using launcher = kedge::detail::batch_launcher<detail::launcher<false>>;
        return boost::asio::async_initiate<Token, void(error_code)>(
            launcher{{session_, executor_, std::move(work), refused}, std::move(take)}, token);
    }

    /// Connects and logs in, `void(error_code)`; once, by the connector.
    template <class Token = boost::asio::deferred_t>
    auto async_open(std::shared_ptr<const location> where, Token&& token = {}) {
        auto work = detail::make_job(detail::task::open, sql_text(""), params());
        work->where = std::move(where);
        return boost::asio::async_initiate<Token, void(error_code)>(
            detail::launcher<false>{session_, executor_, std::move(work), {}}, token);
    }

    /// Cancels what still runs, rolls back what is open and removes what statements have left in the session;
    /// `void(error_code)`. A cancelled statement's handler is told `operation_aborted` at once.
    template <class Token = boost::asio::deferred_t> auto async_reset(Token&& token = {}) {
        return start<false>(detail::task::reset, "", {}, {}, token);
    }

    /// A round trip that executes nothing, `void(error_code)`.
    template <class Token = boost::asio::deferred_t> auto async_ping(Token&& token = {}) {
        return start<false>(detail::task::ping, "", {}, {}, token);
    }

    /// Clean: idle, no transaction open, and no statement has looked as if it left something behind. Local, no round trip.
    reuse state() const noexcept { return session_->state(); }

    /// A look at the socket of an idle connection, without waiting: has the server closed it, or said that it will?
    bool is_dead() noexcept { return session_->is_dead(); }

    /// Never blocks; a statement that still runs is cancelled on the server without waiting for that.
    void close() noexcept { session_->close(); }

    static sql_text begin(const transaction_options& options) noexcept {
        return options.read_only ? sql_text(detail::begin_read_only) : sql_text("begin");
    }

    static verdict classify(const error_code& ec) noexcept { return postgres::classify(ec); }

    /// For `transaction_options::resolve_commit`; see @ref remembers_transactions.
    static sql_text transaction_id() noexcept { return postgres::transaction_id; }
    static sql_text transaction_status() noexcept { return postgres::transaction_status; }
    static commit_fate fate(const rows& answer) { return postgres::fate_of_commit(answer); }

private:
    template <bool WithRows, class Token>
    auto start(detail::task what, sql_text text, params values, error_code refused, Token& token) {
        auto work = detail::make_job(what, std::move(text), std::move(values));
        using signature = std::conditional_t<WithRows, void(error_code, rows), void(error_code)>;
        return boost::asio::async_initiate<Token, signature>(
            detail::launcher<WithRows>{session_, executor_, std::move(work), refused}, token);
    }

    boost::asio::any_io_executor executor_;
    std::shared_ptr<detail::session> session_;
};

/// Makes the connections of one client; for a `connection_pool<postgres::connection>`.
class connector {
public:
    /// @param url see @ref parse_url; @throws std::invalid_argument names what is wrong and the accepted forms
    explicit connector(std::string_view url) : where_(std::make_shared<const location>(parse_url(url))) {}

    std::unique_ptr<connection> create(const boost::asio::any_io_executor& ex) const {
        return std::make_unique<connection>(ex);
    }
    template <class Token> auto async_connect(connection& c, Token&& token) const {
        return c.async_open(where_, std::forward<Token>(token));
    }
    void close(connection& c) const noexcept { c.close(); }

    static reuse inspect(const connection& c) noexcept { return c.state(); }
    template <class Token> auto async_reset(connection& c, Token&& token) const {
        return c.async_reset(std::forward<Token>(token));
    }
    template <class Token> auto async_ping(connection& c, Token&& token) const {
        return c.async_ping(std::forward<Token>(token));
    }
    bool is_dead(connection& c) const noexcept { return c.is_dead(); }
    static bool condemns(const error_code& ec) noexcept { return postgres::condemns(ec); }
    static verdict classify(const error_code& ec) noexcept { return postgres::classify(ec); }

private:
    std::shared_ptr<const location> where_;
};

static_assert(database_connection<connection> && reads_in_batches<connection> && remembers_transactions<connection>);

}  // namespace kedge::postgres
