// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/any_core.hpp>
#include <kedge/database/lost_commit.hpp>
#include <kedge/database/operations.hpp>
#include <kedge/database/transaction.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

// What a database client sends through its pipeline for one transaction.

namespace kedge::detail {

/** What the function of a transaction threw, unless it is what the database said. It travels packed, so that nobody takes
 *  its code for the database's: it is no reason to open the circuit breaker, nor to run the transaction again. */
struct application_exception {
    std::exception_ptr own;
};

/// Statements inside a transaction; remembers the error that ended it.
template <class Connection> class open_transaction final : public transaction_statements {
public:
    open_transaction(Connection& on, const attempt& of, boost::asio::any_io_executor ex)
        : transaction_statements(std::move(ex)), on_(on), of_(of) {}

    void run(sql_text text, params values, rows_completion handler) override {
        auto watch = [this](rows_completion&& next, error_code ec, rows result) {
            note(ec);
            std::move(next)(ec, std::move(result));
        };
        then_handler<rows_completion, decltype(watch)> watched(std::move(handler), std::move(watch));
        if (!dead_)
            return (void)on_.async_query(std::move(text), std::move(values),
                                         attempt_handler<decltype(watched)>(std::move(watched), of_));
        const auto ex = boost::asio::get_associated_executor(watched, executor);
        boost::asio::post(ex, [next = std::move(watched), why = dead_]() mutable { next(why, rows()); });
    }

    error_code dead() const noexcept { return dead_; }

    /// The error of the last statement that failed.
    error_code said() const noexcept { return said_; }

private:
    /// An answer of the application kind leaves the transaction open, unless the server closed it all the same.
    void note(const error_code& ec) noexcept {
        if (ec) said_ = ec;
        if (!ec || dead_) return;
        if (Connection::classify(ec).judged != kind::success ||
            Connection::connector_type::inspect(on_) != reuse::needs_reset)
            dead_ = ec;
    }

    Connection& on_;
    attempt of_;
    error_code dead_{}, said_{};
};

/// Runs a function between BEGIN and COMMIT. The connection goes back through the pool, which rolls back what is still
/// open: so a cancelled transaction need not wait for its rollback.
template <class Connection> class transaction_operation {
public:
    transaction_operation(connection_pool<Connection> pool, std::shared_ptr<transaction_body> body,
                          const transaction_options& options)
        : pool_(std::move(pool)), body_(std::move(body)), options_(options) {}

    boost::asio::awaitable<void> operator()(const attempt& a) {
        lost_commit doubt;
        co_await on_one_connection(a, doubt);
        if constexpr (remembers_transactions<Connection>) {  // its connection is back, so that even a pool of one has another
            if (doubt.name) co_await settle<Connection>(pool_, call_of(a), *doubt.name);
        }
    }

private:
    /// The pool hears what broke a connection.
    struct returned {
        lease<Connection>& held;
        const open_transaction<Connection>& statements;
        ~returned() { held.end_of_use(statements.said()); }
    };

    boost::asio::awaitable<void> on_one_connection(const attempt& a, lost_commit& doubt) {
        auto held = co_await pool_.async_acquire(call_of(a), boost::asio::use_awaitable);
        open_transaction<Connection> statements(*held, a, co_await boost::asio::this_coro::executor);
        const returned giving_back{held, statements};
        transaction given(statements);
        (void)co_await given.async_query(Connection::begin(options_), params(), boost::asio::use_awaitable);
        co_await guarded(*held, statements, given);
        co_await commit(statements, given, doubt);
    }

    /// Rolls back before the caller hears of an exception, so that what it does next finds no lock of ours.
    boost::asio::awaitable<void> guarded(Connection& on, const open_transaction<Connection>& statements, transaction& given) {
        std::exception_ptr thrown;
        try {
            co_await body_->run(given);
        } catch (...) {
            thrown = std::current_exception();
        }
        if (!thrown) co_return;
        const boost::asio::cancellation_state state = co_await boost::asio::this_coro::cancellation_state;
        if (state.cancelled() != boost::asio::cancellation_type::none) std::rethrow_exception(thrown);
        error_code ignored;  // the pool tries again or closes the connection
        (void)co_await on.async_query("rollback", params(),
                                      boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
        if (came_from(statements, thrown)) std::rethrow_exception(thrown);
        throw application_exception{thrown};
    }

    static bool came_from(const open_transaction<Connection>& statements, const std::exception_ptr& thrown) noexcept {
        const error_code code = outcome<void(std::exception_ptr)>{thrown, {}}.code();
        return code && code == statements.said();
    }

    /// An answer means that nothing was committed. Anything else after COMMIT was sent: nobody knows, but the server may.
    boost::asio::awaitable<void> commit(open_transaction<Connection>& statements, transaction& given, lost_commit& doubt) {
        if (const error_code ec = statements.dead()) throw boost::system::system_error(ec);
        bool asked = false;
        std::optional<std::string> name;
        if constexpr (remembers_transactions<Connection>) {
            asked = options_.resolve_commit && !options_.read_only;
            if (asked) name = co_await name_of<Connection>(given);
        }
        error_code ec;
        (void)co_await given.async_query("commit", params(), boost::asio::redirect_error(boost::asio::use_awaitable, ec));
        if (!ec) co_return;
        const verdict said = Connection::classify(ec);
        const bool repeats = said.judged == kind::neutral && said.again == replay::always;  // it was rolled back
        if (said.judged == kind::success || said.judged == kind::overload || repeats) throw boost::system::system_error(ec);
        const boost::asio::cancellation_state state = co_await boost::asio::this_coro::cancellation_state;
        if (!asked || state.cancelled() != boost::asio::cancellation_type::none)
            throw boost::system::system_error(errc::commit_unknown);
        doubt.name = std::move(name);  // none: it wrote nothing, so there is nothing whose fate could matter
    }

    connection_pool<Connection> pool_;
    std::shared_ptr<transaction_body> body_;
    transaction_options options_;
};

}  // namespace kedge::detail
