// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/sql/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace kedge::postgres {

/// The value of an error code for an SQLSTATE: its five characters, digits and capital letters, as a number to base 36.
/// 0, which is no error, for anything that is not one.
constexpr int sqlstate_value(std::string_view five) noexcept {
    if (five.size() != 5) return 0;
    int value = 0;
    for (const char c : five) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'A' || c > 'Z')) return 0;
        value = value * 36 + (digit ? c - '0' : c - 'A' + 10);
    }
    return value;
}

/** PostgreSQL's conditions that programs match: `ec == kedge::postgres::errc::unique_violation`.
 *
 *  Every SQLSTATE makes an error code, named here or not; @ref sqlstate tells which. Those that begin with KE are kedge's own.
 */
enum class errc : int {
    cannot_connect = sqlstate_value("08001"),  ///< not connected, for a reason that has no code of its own
    connection_rejected = sqlstate_value("08004"),
    connection_failure = sqlstate_value("08006"),
    protocol_violation = sqlstate_value("08P01"),
    feature_not_supported = sqlstate_value("0A000"),
    string_too_long = sqlstate_value("22001"),
    numeric_out_of_range = sqlstate_value("22003"),
    division_by_zero = sqlstate_value("22012"),
    invalid_text_representation = sqlstate_value("22P02"),
    not_null_violation = sqlstate_value("23502"),
    foreign_key_violation = sqlstate_value("23503"),
    unique_violation = sqlstate_value("23505"),
    check_violation = sqlstate_value("23514"),
    exclusion_violation = sqlstate_value("23P01"),
    read_only_transaction = sqlstate_value("25006"),
    in_failed_transaction = sqlstate_value("25P02"),
    idle_in_transaction_timeout = sqlstate_value("25P03"),
    no_such_prepared_statement = sqlstate_value("26000"),
    invalid_authorization = sqlstate_value("28000"),
    invalid_password = sqlstate_value("28P01"),
    no_such_database = sqlstate_value("3D000"),
    serialization_failure = sqlstate_value("40001"),
    deadlock_detected = sqlstate_value("40P01"),
    insufficient_privilege = sqlstate_value("42501"),
    syntax_error = sqlstate_value("42601"),
    undefined_column = sqlstate_value("42703"),
    undefined_function = sqlstate_value("42883"),
    undefined_table = sqlstate_value("42P01"),
    duplicate_prepared_statement = sqlstate_value("42P05"),
    duplicate_table = sqlstate_value("42P07"),
    disk_full = sqlstate_value("53100"),
    too_many_connections = sqlstate_value("53300"),
    object_in_use = sqlstate_value("55006"),
    lock_not_available = sqlstate_value("55P03"),
    query_canceled = sqlstate_value("57014"),  ///< by `statement_timeout` or a cancel request
    admin_shutdown = sqlstate_value("57P01"),
    crash_shutdown = sqlstate_value("57P02"),
    cannot_connect_now = sqlstate_value("57P03"),  ///< it starts, stops or recovers
    idle_session_timeout = sqlstate_value("57P05"),
    raise_exception = sqlstate_value("P0001"),
    internal_error = sqlstate_value("XX000"),

    plan_changed = sqlstate_value("KE001"),  ///< a prepared plan no longer fits, inside a transaction: repeat all of it
    not_verified = sqlstate_value("KE002"),  ///< TLS: the server did not prove who it is, or does not speak it
    not_primary = sqlstate_value("KE003"),   ///< a server in recovery refused to write; matches `read_only_transaction` too
};

const boost::system::error_category& category() noexcept;

/// @param five an SQLSTATE; anything else becomes `errc::internal_error`
error_code make_error_code(std::string_view five) noexcept;
error_code make_error_code(errc) noexcept;
boost::system::error_condition make_error_condition(errc) noexcept;

/// "23505"; empty for codes of other categories.
std::string sqlstate(const error_code&);

/** Judges an error of PostgreSQL.
 *
 *  @li Serialization failure, deadlock, a plan that no longer fits: certainly rolled back, always to be repeated, and nothing
 *      against the server (neutral).
 *  @li Connection not made (08001, 08004), server starting (57P03), a standby in place of the primary, idle timeout (57P05):
 *      failure, always. Password, role or database wrong (28, 3D000), TLS: failure, never; trying again locks accounts.
 *  @li Too many connections, out of memory or disk (53): overload, always.
 *  @li Session ended by an administrator (57P01) before the statement had ended: failure, always.
 *  @li Connection lost (08000, 08003, 08006; `asio::error::eof`), crash of the server (57P02), statement cancelled or timed out
 *      (57014): failure, if_idempotent.
 *  @li Outcome unknown (08007, 40003), protocol, internal and system errors (08P01, XX, 58, F0): failure, never.
 *  @li Everything else is an answer: success, never.
 */
verdict classify(const error_code&) noexcept;

/// What an error means for the connection that it came from.
enum class fate : std::uint8_t { keep, evict };

/// Evicts what the server closes or is about to, what is out of step, and whatever is no answer of PostgreSQL's.
fate fate_of(const error_code&) noexcept;

/// Whether it says that the server leaves all its clients: it shuts down, crashed, or is no longer the primary.
bool condemns(const error_code&) noexcept;

}  // namespace kedge::postgres

template <> struct boost::system::is_error_condition_enum<kedge::postgres::errc> : std::true_type {};

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/postgres/impl/error.ipp>
#endif
