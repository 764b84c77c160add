// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database_client.hpp>
#include <kedge/postgres/connection.hpp>

namespace kedge::postgres {

/// `kedge::postgres::client db{io, {.url = "postgresql://shop:secret@db.example.com/shop"}};`
using client = database_client<connection>;

}  // namespace kedge::postgres
