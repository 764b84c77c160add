// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/connection_pool.hpp>
#include <kedge/database/any_core.hpp>
#include <kedge/detail/handlers.hpp>

#include <boost/asio/async_result.hpp>

#include <functional>
#include <type_traits>
#include <utility>

// What a database client sends through its pipeline for one statement.

namespace kedge::detail {

/// The pool's view of the attempt that it serves.
inline call call_of(const attempt& a) noexcept {
    return {.deadline = a.deadline, .report = a.report, .tag = a.tag, .repeating = a.repeating, .place = a.place};
}

/// One statement on a borrowed connection. Lives in the operation of a call, or nearer.
template <class Connection> class run_statement {
public:
    /// @param what stays where it is until the operation has ended
    explicit run_statement(const statement& what) noexcept : what_(&what) {}

    template <class Token> auto operator()(Connection& connection, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, rows)>(
            [](auto&& handler, Connection& on, const statement& of) {
                using handler_type = std::decay_t<decltype(handler)>;
                start(on, of, handler_type(std::forward<decltype(handler)>(handler)));
            },
            token, std::ref(connection), std::cref(*what_));
    }

private:
    template <class Handler> static void start(Connection& on, const statement& of, Handler handler) {
        if constexpr (reads_in_batches<Connection>) {
            if (of.batches) {
                auto end = [take = *of.batches](Handler&& next, error_code ec) {
                    if (take.thrown()) ec = errc::operation_threw;
                    std::move(next)(ec, rows());
                };
                return (void)on.async_query_batches(of.text, of.values, *of.batches,
                                                    then_handler<Handler, decltype(end)>(std::move(handler), std::move(end)));
            }
        }
        on.async_query(of.text, of.values, std::move(handler));
    }

    const statement* what_;
};
template <class Connection> inline constexpr bool use_in_place<run_statement<Connection>> = true;

/// Borrow, execute, give back.
template <class Connection> class query_operation {
public:
    query_operation(connection_pool<Connection> pool, statement what) : pool_(std::move(pool)), what_(std::move(what)) {}

    template <class Token> auto operator()(const attempt& a, Token&& token) {
        return pool_.async_with(run_statement<Connection>(what_), call_of(a), std::forward<Token>(token));
    }

private:
    connection_pool<Connection> pool_;
    statement what_;
};

}  // namespace kedge::detail
