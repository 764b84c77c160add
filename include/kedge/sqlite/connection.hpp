// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/reuse.hpp>
#include <kedge/sqlite/error.hpp>
#include <kedge/sqlite/impl/session.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace kedge::sqlite {

class connector;

/** One connection to an SQLite database.
 *
 *  SQLite blocks, so its work runs on the blocking threads of the execution context's @ref runtime, one statement at a
 *  time per connection; further ones queue. Up to 32 prepared statements are kept. Files are opened in WAL mode. A lock
 *  that another connection holds is waited for up to 5 s without occupying a thread.
 *
 *  Made and closed by a @ref connector. Not movable.
 *
 *  @par Cancellation  terminal and partial: the operation completes within one turn; SQLite is interrupted and the
 *  connection is not clean until it has noticed.
 *  @par Errors  codes of `sqlite::category()`, @ref sql_errc, `operation_aborted`.
 *  @par Lifetimes  May be destroyed while operations are outstanding; they end with `operation_aborted`.
 *  @par Thread safety  Distinct objects: safe. Shared: safe, except for destruction.
 */
class connection {
public:
    using connector_type = connector;

    explicit connection(boost::asio::any_io_executor ex)
        : executor_(std::move(ex)),
          session_(std::make_shared<detail::session>(
              runtime::of(executor_), boost::asio::query(executor_, boost::asio::execution::context))) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { session_->close(); }

    /** Executes one statement, with `void(error_code, rows)`.
     *
     *  @param text one statement; parameters are `$1`, `$2`, …, or `?`
     *  @param values as many as the statement has places for
     *  @par Errors  `sql_errc::result_too_large` beyond 64 MiB (@ref result_limit): the statement is interrupted
     *  @par Complexity  A thread switch there and back; several allocations.
     */
    template <class Token = boost::asio::deferred_t>
    auto async_query(sql_text text, params values, Token&& token = {}) {
        const error_code refused = check_statement(text, values);
        return start<true>(detail::task::execute, std::move(text), std::move(values), {}, refused, token);
    }

    /** Executes one statement and gives its rows away in batches, with `void(error_code)`; see @ref reads_in_batches.
     *
     *  While the receiver has one, the statement rests: it occupies no thread, but keeps its lock and its view of the database,
     *  so that a write-ahead log grows meanwhile. If the receiver refuses, the statement ends with `operation_aborted`;
     *  what it wrote is rolled back, unless that was its last batch. A lock met after the first batch is not waited for.
     */
    template <class Token = boost::asio::deferred_t>
    auto async_query_batches(sql_text text, params values, batch_receiver take, Token&& token = {}) {
        const error_code refused = check_statement(text, values);
        auto work = std::make_shared<detail::job>(detail::task::execute, std::move(text), std::move(values), location(), true);
        using launcher = kedge::detail::batch_launcher<detail::launcher<false>>;
        return boost::asio::async_initiate<Token, void(error_code)>(
            launcher{{session_, executor_, std::move(work), refused}, std::move(take)}, token);
    }

    /// Opens the database, `void(error_code)`; once, by the connector.
    template <class Token = boost::asio::deferred_t> auto async_open(location where, Token&& token = {}) {
        return start<false>(detail::task::open, "", {}, std::move(where), {}, token);
    }

    /// Cancels what still runs and rolls back what is open; `void(error_code)`.
    template <class Token = boost::asio::deferred_t> auto async_reset(Token&& token = {}) {
        return start<false>(detail::task::reset, "", {}, {}, {}, token);
    }

    /// Clean: idle, no transaction open, settings as after opening.
    reuse state() const noexcept {
        switch (session_->state()) {
        case detail::session_state::clean: return reuse::clean;
        case detail::session_state::dirty: return reuse::needs_reset;
        case detail::session_state::broken: break;
        }
        return reuse::broken;
    }

    /// Never blocks; what still runs is interrupted, the file is closed on a blocking thread.
    void close() noexcept { session_->close(); }

    /// Writers take the lock at once: two that upgrade later would wait for each other.
    static sql_text begin(const transaction_options& options) noexcept {
        return options.read_only ? sql_text(detail::begin_read_only) : sql_text("begin immediate");
    }

    static verdict classify(const error_code& ec) noexcept { return sqlite::classify(ec); }

private:
    template <bool WithRows, class Token>
    auto start(detail::task what, sql_text text, params values, location where, error_code refused, Token& token) {
        auto work = std::make_shared<detail::job>(what, std::move(text), std::move(values), std::move(where));
        using signature = std::conditional_t<WithRows, void(error_code, rows), void(error_code)>;
        return boost::asio::async_initiate<Token, signature>(
            detail::launcher<WithRows>{session_, executor_, std::move(work), refused}, token);
    }

    boost::asio::any_io_executor executor_;
    std::shared_ptr<detail::session> session_;
};

/** Makes the connections of one client; for a `connection_pool<sqlite::connection>`.
 *
 *  For `sqlite::memory:` it makes one database that all its connections share and that lives as long as the connector.
 */
class connector {
public:
    /// @param url see @ref accepted_urls; @throws std::invalid_argument names what is wrong and the accepted forms
    explicit connector(std::string_view url);

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
    static verdict classify(const error_code& ec) noexcept { return sqlite::classify(ec); }

private:
    location where_;
    std::shared_ptr<detail::handles> keeps_memory_;  // a memory database goes with its last connection
};

static_assert(database_connection<connection> && reads_in_batches<connection>);

}  // namespace kedge::sqlite

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/sqlite/impl/connection.ipp>
#endif
