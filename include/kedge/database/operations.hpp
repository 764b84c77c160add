// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/connection_pool.hpp>
#include <kedge/detail/handlers.hpp>
#include <kedge/sql/connection_concept.hpp>

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

}  // namespace kedge::detail
