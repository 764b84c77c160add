// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/rows.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kedge {

/// How a transaction runs.
struct transaction_options {
    bool read_only = false;  ///< only reads: the server refuses writes, and repeating the whole is harmless

    /// When the answer to COMMIT is lost, asks the server on another connection what became of the transaction, until the
    /// time of the attempt is over. Costs a round trip before each COMMIT. PostgreSQL only; nothing is lost on the way to SQLite.
    bool resolve_commit = false;
};

/// What the server says of a transaction whose answer to COMMIT was lost.
enum class commit_fate : std::uint8_t {
    committed,
    rolled_back,
    under_way,  ///< it may still become either
    forgotten,  ///< too old for the server to know
};

namespace detail {

struct rows_handler {
    void operator()(error_code, rows) const noexcept {}
};
struct code_handler {
    void operator()(error_code) const noexcept {}
};

}  // namespace detail

/** What makes a type a connection of @ref database_client.
 *
 *  @li `c.async_query(sql_text, params, token)`, `void(error_code, rows)`: executes one statement; `rows::affected` tells
 *      what it changed. One at a time. Bad text, bad parameters and a wrong parameter count end in a @ref sql_errc. After
 *      terminal cancellation it completes within one turn, whatever the server is doing. What the server said about an
 *      error goes into the report of the handler's attempt (`get_associated_attempt(handler).report->said`).
 *  @li `C::begin(transaction_options)`: the statement that opens a transaction. `commit` and `rollback` are the same for all.
 *  @li `C::classify(error_code) noexcept`: what an error says about the server. `kind::success` means that the server
 *      answered: such an error of COMMIT means "not committed", as do `kind::overload`, and `kind::neutral` with
 *      `replay::always`; any other means "nobody knows".
 *  @li `C::connector_type(std::string_view url)`: parses the URL, throws `std::invalid_argument` that lists the accepted
 *      forms and repeats nothing that may be a secret; makes and closes connections for a `connection_pool`. Its
 *      `inspect` and `async_reset` see to it that the next borrower finds no open transaction; while the server may still
 *      be busy, `inspect` must not say `clean`.
 */
template <class C>
concept database_connection =
    requires(C& c, sql_text text, params values, typename C::connector_type& connector, boost::asio::any_io_executor ex) {
        c.async_query(text, values, detail::rows_handler{});
        { C::begin(transaction_options{}) } -> std::same_as<sql_text>;
        { C::classify(error_code{}) } noexcept -> std::same_as<verdict>;
        { connector.create(ex) } -> std::same_as<std::unique_ptr<C>>;
        connector.async_connect(c, detail::code_handler{});
        { connector.close(c) } noexcept;
        connector.async_reset(c, detail::code_handler{});
    } && std::constructible_from<typename C::connector_type, std::string_view>;

/** A connection whose server remembers transactions, for `transaction_options::resolve_commit`.
 *
 *  @li `C::transaction_id()`: the statement that gives the open transaction's name as text, NULL if it wrote nothing.
 *  @li `C::transaction_status()`: the statement that asks for the fate of the name in `$1`, on any connection.
 *  @li `C::fate(rows)`: what it answered.
 */
template <class C>
concept remembers_transactions = requires(const rows& answer) {
    { C::transaction_id() } -> std::same_as<sql_text>;
    { C::transaction_status() } -> std::same_as<sql_text>;
    { C::fate(answer) } -> std::same_as<commit_fate>;
};

namespace detail {

/// "postgresql" of "postgresql://user:secret@host/db": the part of a URL that may be repeated in a message.
inline std::string_view scheme_of(std::string_view url) noexcept {
    const auto colon = url.find(':');
    return colon == std::string_view::npos ? std::string_view{} : url.substr(0, colon);
}

[[noreturn]] inline void refuse_url(std::string_view url, const std::string& why, std::string_view accepted) {
    const std::string scheme(scheme_of(url));
    throw std::invalid_argument("kedge: database URL" + (scheme.empty() ? std::string() : " \"" + scheme + ":…\"") + ": " +
                                why + "; accepted: " + std::string(accepted));
}

}  // namespace detail
}  // namespace kedge
