// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>

#include <boost/uuid/uuid.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kedge {

/// Bytes that are not text.
using blob = std::vector<std::byte>;

/// A moment, to the microsecond that databases keep; never a time of day without its zone.
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

using boost::uuids::uuid;

/// An array in one column; its elements may be NULL.
using integer_array = std::vector<std::optional<std::int64_t>>;
using text_array = std::vector<std::optional<std::string>>;

/// One value on its way into a database; `std::monostate` is NULL.
using sql_value = std::variant<std::monostate, bool, std::int64_t, double, std::string, blob, timestamp, uuid,
                               integer_array, text_array>;

namespace detail {

/// "2026-11-25 09:30:00.25+00:00", in UTC: read by PostgreSQL whatever its settings and by SQLite's date functions, and
/// sorts as time does. Years before 1 end in " BC", as PostgreSQL has them.
std::string to_text(timestamp);

/// What @ref to_text writes, with any offset (`+05:30`, `+00`, `Z`) and without one not at all: that would be a guess.
std::optional<timestamp> parse_timestamp(std::string_view) noexcept;

/// "6b656467-652e-4e2e-a9b0-000000000001"
std::string to_text(const uuid&);
std::optional<uuid> parse_uuid(std::string_view) noexcept;

}  // namespace detail
}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/sql/impl/value.ipp>
#endif
