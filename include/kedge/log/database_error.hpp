// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/log/sink.hpp>

namespace kedge::log {

/// A failed call of a database, as its log record tells it: `[ERROR] Database query failed: connection pool exhausted`.
struct database_failure {
    error_code error{};
    const call_report* report = nullptr;  ///< adds attempts, the state of the pool and the server's words as fields
    boost::source_location place = BOOST_CURRENT_LOCATION;  ///< of the call
    wall_time time = wall_now();
};

/// Makes the record of a failed database call, severity error, logger "kedge.database", and submits it.
/// Without memory for the text it becomes "Database query failed".
void database_error(sink& to, const database_failure& what) noexcept;

/// The same with the defaults.
inline void database_error(sink& to, const error_code& error,
                           boost::source_location place = BOOST_CURRENT_LOCATION) noexcept {
    database_error(to, database_failure{.error = error, .place = place});
}

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/database_error.ipp>
#endif
