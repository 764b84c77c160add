// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>
#include <kedge/log/level.hpp>

#include <boost/assert/source_location.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace kedge::log {

using wall_time = std::chrono::system_clock::time_point;

using field_value = std::variant<std::int64_t, double, bool, std::string_view>;

/// A named value beside the message, for machines. A name with a unit ends in it: `wait_ms`.
struct field {
    std::string_view name;
    field_value value;
};

/** What a sink is given. A view: everything that it refers to is valid during `sink::write` only.
 *
 *  Its strings may hold any bytes, e.g. a server's own words; formatters make them harmless.
 */
struct record {
    wall_time time{};                    ///< unset: 1970, which CloudWatch refuses as too old
    level severity = level::info;
    std::string_view logger{};           ///< who speaks: "kedge.payment"
    std::string_view message{};
    std::span<const field> fields{};
    boost::source_location place{};      ///< line 0: none
    error_code error{};                  ///< unset: none
    std::string_view source_line{};      ///< the text at `place`, where it is at hand
    std::string_view exception{};        ///< last line of a traceback; empty: the record has no traceback
    bool formatted = false;              ///< `message` is an event as a formatter made it; stays so, in JSON if it is an object
};

/** The time of day for a record; on a thread that holds a simulation its virtual time, counted from 1970.
 *
 *  What knows its execution context asks `runtime::wall_now()` instead, which also knows a simulation's time of day.
 */
wall_time wall_now() noexcept;

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/record.ipp>
#endif
