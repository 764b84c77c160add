// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::sqlite {

enum class access : std::uint8_t { read_only, read_write, read_write_create };

/// The forms that @ref parse_url accepts, for messages.
inline constexpr std::string_view accepted_urls =
    "sqlite:/path/to/file.db, sqlite:relative.db, sqlite:file.db?mode=ro|rw|rwc (default rwc), sqlite::memory:";

struct location {
    std::string path;
    access mode = access::read_write_create;
    bool in_memory = false;  ///< then `path` is only a name, which all connections of one client share
};

/// Parses `sqlite:` URLs; `%41` escapes are decoded.
/// @throws std::invalid_argument names what is wrong and the accepted forms
location parse_url(std::string_view url);

}  // namespace kedge::sqlite

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/sqlite/impl/url.ipp>
#endif
