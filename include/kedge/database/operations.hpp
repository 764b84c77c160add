// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/connection_pool.hpp>
#include <kedge/database/transaction.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

// The two operations that a database client sends through its pipeline.

namespace kedge::detail {

/// The pool's view of the attempt that it serves.
inline call call_of(const attempt& a) noexcept {
    return {.deadline = a.deadline, .report = a.report, .tag = a.tag, .repeating = a.repeating, .place = a.place};
}

/// One statement on a borrowed connection.
template <class Connection> class run_statement {
public:
    run_statement(sql_text text, params values, const attempt& of)
        : text_(std::move(text)), values_(std::move(values)), of_(of) {}

    template <class Token> auto operator()(Connection& connection, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, rows)>(
            [](auto&& handler, Connection& on, const run_statement& self) {
                using handler_type = std::decay_t<decltype(handler)>;
                on.async_query(self.text_, self.values_,
                               attempt_handler<handler_type>(std::forward<decltype(handler)>(handler), self.of_));
            },
            token, std::ref(connection), *this);
    }

private:
    sql_text text_;
    params values_;
    attempt of_;
};

/// Borrow, execute, give back.
template <class Connection> class query_operation {
public:
    query_operation(connection_pool<Connection> pool, sql_text text, params values)
        : pool_(std::move(pool)), text_(std::move(text)), values_(std::move(values)) {}

    template <class Token> auto operator()(const attempt& a, Token&& token) {
        return pool_.async_with(run_statement<Connection>(text_, values_, a), call_of(a), std::forward<Token>(token));
    }

private:
    connection_pool<Connection> pool_;
    sql_text text_;
    params values_;
};

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

template <class T> struct transaction_signature {
    using type = void(std::exception_ptr, T);
};
template <> struct transaction_signature<void> {
    using type = void(std::exception_ptr);
};

/// Runs `F` between BEGIN and COMMIT. The connection goes back through the pool, which rolls back what is still open: so
/// a cancelled transaction need not wait for its rollback.
template <class Connection, class F> class transaction_operation {
public:
    using awaitable_type = std::invoke_result_t<F&, transaction&>;
    using value_type = typename awaitable_type::value_type;

    transaction_operation(connection_pool<Connection> pool, F body, const transaction_options& options)
        : pool_(std::move(pool)), body_(std::move(body)), options_(options) {}

    awaitable_type operator()(const attempt& a) {
        auto held = co_await pool_.async_acquire(call_of(a), boost::asio::use_awaitable);
        open_transaction<Connection> statements(*held, a, co_await boost::asio::this_coro::executor);
        const returned giving_back{held, statements};
        transaction given(statements);
        (void)co_await given.async_query(Connection::begin(options_), params(), boost::asio::use_awaitable);
        if constexpr (std::is_void_v<value_type>) {
            auto run = [&] { return body_(given); };
            co_await guarded(*held, statements, run);
            co_await commit(statements, given);
        } else {
            std::optional<value_type> result;
            auto keep = [&]() -> boost::asio::awaitable<void> { result.emplace(co_await body_(given)); };
            co_await guarded(*held, statements, keep);
            co_await commit(statements, given);
            co_return std::move(*result);
        }
    }

private:
    /// The pool hears what broke a connection.
    struct returned {
        lease<Connection>& held;
        const open_transaction<Connection>& statements;
        ~returned() { held.end_of_use(statements.said()); }
    };

    /// Rolls back before the caller hears of an exception, so that what it does next finds no lock of ours.
    template <class Body>
    static boost::asio::awaitable<void> guarded(Connection& on, const open_transaction<Connection>& statements, Body& body) {
        std::exception_ptr thrown;
        try {
            co_await body();
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

    /// An answer means that nothing was committed. Anything else after COMMIT was sent: nobody knows.
    static boost::asio::awaitable<void> commit(open_transaction<Connection>& statements, transaction& given) {
        if (const error_code ec = statements.dead()) throw boost::system::system_error(ec);
        error_code ec;
        (void)co_await given.async_query("commit", params(), boost::asio::redirect_error(boost::asio::use_awaitable, ec));
        if (!ec) co_return;
        const kind judged = Connection::classify(ec).judged;
        const bool answered = judged == kind::success || judged == kind::overload;
        throw boost::system::system_error(answered ? ec : make_error_code(errc::commit_unknown));
    }

    connection_pool<Connection> pool_;
    F body_;
    transaction_options options_;
};

}  // namespace kedge::detail
