// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database_client.hpp>
#include <kedge/sqlite/connection.hpp>

namespace kedge {

namespace sqlite {
/// `kedge::sqlite::client db{io, {.url = "sqlite:/var/lib/shop.db"}};`
using client = database_client<connection>;
}  // namespace sqlite

/// The client by the name that the first specification gave it, on the embedded default database.
using DatabaseClient = sqlite::client;

}  // namespace kedge
