// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/database/options.hpp>
#include <kedge/database/snapshot.hpp>
#include <kedge/database/transaction.hpp>
#include <kedge/detail/handlers.hpp>
#include <kedge/sql/batches.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// The line between the facade of a database client, which every user compiles, and what stands behind it.

namespace kedge::detail {

template <class T> struct transaction_signature {
    using type = void(std::exception_ptr, T);
};
template <> struct transaction_signature<void> {
    using type = void(std::exception_ptr);
};

/// The function of a transaction, without its type.
class transaction_body {
public:
    virtual ~transaction_body() = default;
    virtual boost::asio::awaitable<void> run(transaction&) = 0;
};

template <class F> class transaction_function final : public transaction_body {
public:
    using value_type = typename std::invoke_result_t<F&, transaction&>::value_type;
    using signature = typename transaction_signature<value_type>::type;

    explicit transaction_function(F function) : function_(std::move(function)) {}

    boost::asio::awaitable<void> run(transaction& given) override {
        if constexpr (std::is_void_v<value_type>) return function_(given);
        else return keep(given);
    }

    /// Precondition: @ref run has returned.
    value_type take() { return std::move(*result_); }

private:
    boost::asio::awaitable<void> keep(transaction& given) { result_.emplace(co_await function_(given)); }

    F function_;
    std::optional<std::conditional_t<std::is_void_v<value_type>, bool, value_type>> result_{};
};

/// Completes with what the function returned, when nothing of the function is left.
template <class F, class Handler> auto result_of(std::shared_ptr<transaction_function<F>> function, Handler&& handler) {
    using handler_type = std::decay_t<Handler>;
    using value_type = typename transaction_function<F>::value_type;
    auto map = [function = std::move(function)](handler_type&& next, std::exception_ptr thrown) mutable {
        if constexpr (std::is_void_v<value_type>) {
            function.reset();
            std::move(next)(std::move(thrown));
        } else {
            value_type value = thrown ? value_type() : function->take();
            function.reset();
            std::move(next)(std::move(thrown), std::move(value));
        }
    };
    return then_handler<handler_type, decltype(map)>(std::forward<Handler>(handler), std::move(map));
}

/// A statement as the caller gave it, and who takes its rows if not the caller at once.
struct statement {
    sql_text text;
    params values;
    std::optional<batch_receiver> batches{};
};

using transaction_completion = any_handler<void(std::exception_ptr)>;
using plain_completion = any_handler<void(error_code)>;

/// What the handles and the running calls of a client share, without the type of its connection.
class any_database_core {
public:
    explicit any_database_core(boost::asio::any_io_executor ex) : executor(std::move(ex)) {}
    any_database_core(const any_database_core&) = delete;
    any_database_core& operator=(const any_database_core&) = delete;
    virtual ~any_database_core() = default;

    /// @param outer the attempt of whatever called the client
    virtual void query(statement, const call&, const attempt& outer, rows_completion) = 0;
    virtual void transact(std::shared_ptr<transaction_body>, const transaction_options&, const call&, const attempt& outer,
                          transaction_completion) = 0;
    virtual void run(plain_completion) = 0;
    virtual void shutdown(time_point deadline, plain_completion) = 0;
    virtual database_snapshot snapshot() const = 0;

    const boost::asio::any_io_executor executor;
};

/// Defined in `database/core.hpp`: for a kind of connection that some `src.hpp` compiles, that one unit defines it alone.
template <class Connection>
std::shared_ptr<any_database_core> make_database_core(boost::asio::any_io_executor, const database_options&);

/// Whether @ref make_database_core is compiled elsewhere, so that here the connection is but a name.
template <class Connection> inline constexpr bool compiled_elsewhere = false;

/// @ref reads_in_batches, also of a connection that is but a name here.
template <class Connection> inline constexpr bool known_to_read_in_batches = reads_in_batches<Connection>;

template <class Connection>
concept client_connection = compiled_elsewhere<Connection> || database_connection<Connection>;

}  // namespace kedge::detail
