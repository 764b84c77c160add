// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/sql/error.hpp>

#include <type_traits>

namespace kedge::sqlite {

/** SQLite's primary result codes, for matching: `ec == kedge::sqlite::errc::constraint`.
 *
 *  The error codes themselves carry the extended code, e.g. 2067 for a violated UNIQUE constraint.
 */
enum class errc {
    error = 1,        ///< the statement is wrong: syntax, unknown table or column
    busy = 5,         ///< another connection holds the lock
    locked = 6,       ///< this connection itself is in the way
    no_memory = 7,
    read_only = 8,
    interrupted = 9,
    io = 10,
    corrupt = 11,
    full = 13,
    cannot_open = 14,
    too_big = 18,
    constraint = 19,
    mismatch = 20,
    not_a_database = 26,
};

const boost::system::error_category& category() noexcept;

/// @param extended SQLite's result code, primary or extended
error_code make_error_code(int extended) noexcept;
boost::system::error_condition make_error_condition(errc) noexcept;

/** Judges an error of SQLite.
 *
 *  Busy and locked: certainly not executed, so it may be repeated always; neutral for a breaker, since who holds the lock of
 *  the writers is no reason to refuse the readers. They compare equal to `condition::overload`. The file is gone from its path
 *  (1032): the same, on a new connection. Wrong statements, violated constraints, values that are too big, writing to a
 *  read-only database: SQLite answered, so a success for a breaker, not repeated. Cannot open: failure, always. I/O: failure,
 *  if_idempotent. Corrupt, full, anything else: failure, never.
 */
verdict classify(const error_code&) noexcept;

}  // namespace kedge::sqlite

template <> struct boost::system::is_error_condition_enum<kedge::sqlite::errc> : std::true_type {};

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/sqlite/impl/error.ipp>
#endif
