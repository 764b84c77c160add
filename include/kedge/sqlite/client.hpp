// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database_client.hpp>
#include <kedge/sqlite/connection.hpp>

namespace kedge::sqlite {

/// `kedge::sqlite::client db{io, {.url = "sqlite:/var/lib/shop.db"}};`
using client = database_client<connection>;

}  // namespace kedge::sqlite
