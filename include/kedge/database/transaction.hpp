// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/handlers.hpp>
#include <kedge/sql/connection_concept.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <type_traits>
#include <utility>

namespace kedge {

namespace detail {

using rows_completion = any_handler<void(error_code, rows)>;

/// Completes with the number of changed rows only.
template <class Handler> auto affected_only(Handler handler) {
    auto map = [](Handler&& next, error_code ec, rows result) { std::move(next)(ec, result.affected()); };
    return then_handler<Handler, decltype(map)>(std::move(handler), std::move(map));
}

/// Completes without the rows.
template <class Handler> auto code_only(Handler handler) {
    auto map = [](Handler&& next, error_code ec, const rows&) { std::move(next)(ec); };
    return then_handler<Handler, decltype(map)>(std::move(handler), std::move(map));
}

/// The connection of a transaction, without its type.
class transaction_statements {
public:
    virtual void run(sql_text, params, rows_completion) = 0;
    const boost::asio::any_io_executor executor;

protected:
    explicit transaction_statements(boost::asio::any_io_executor ex) : executor(std::move(ex)) {}
    ~transaction_statements() = default;
};

}  // namespace detail

/** What the function given to `database_client::async_transaction` works with: one connection inside one transaction.
 *
 *  After an error that ends a transaction (anything but the application's own, such as a violated constraint) every
 *  further statement ends in the same error and nothing is committed, also if the function swallowed it. Statements are
 *  sent as they are, once: it is the whole transaction that is repeated.
 *
 *  @par Executors  Handlers run on their associated executor, by default that of the coroutine around.
 *  @par Per-operation cancellation  What the connection supports, terminal at least; the transaction is rolled back.
 *  @par Errors  `Connection`'s own, @ref sql_errc, `operation_aborted`; the first error that ended the transaction.
 *  @par Lifetimes  Valid until the function returns, and so must be all that it started here. One statement at a time.
 *  @par Thread safety  None: it belongs to the function.
 */
class transaction {
public:
    explicit transaction(detail::transaction_statements& statements) noexcept : statements_(&statements) {}
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    /// Executes one statement and fetches its rows; `void(error_code, rows)`. @param text, values as for the client
    template <class Token = boost::asio::deferred_t>
    auto async_query(sql_text text, params values, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, rows)>(
            [this](auto&& handler, sql_text sql, params given) {
                statements_->run(std::move(sql), std::move(given),
                                 detail::rows_completion(std::forward<decltype(handler)>(handler), statements_->executor));
            },
            token, std::move(text), std::move(values));
    }

    /// Executes one statement and counts what it changed; `void(error_code, affected)`.
    template <class Token = boost::asio::deferred_t>
    auto async_execute(sql_text text, params values, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, affected)>(
            [this](auto&& handler, sql_text sql, params given) {
                auto mapped = detail::affected_only<std::decay_t<decltype(handler)>>(std::forward<decltype(handler)>(handler));
                statements_->run(std::move(sql), std::move(given),
                                 detail::rows_completion(std::move(mapped), statements_->executor));
            },
            token, std::move(text), std::move(values));
    }

private:
    detail::transaction_statements* statements_;
};

}  // namespace kedge
