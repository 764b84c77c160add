// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/client.hpp>
#include <kedge/postgres/error.hpp>

#ifdef KEDGE_SEPARATE_COMPILATION
namespace kedge {
namespace postgres {
class connection;  // kedge/postgres/connection.hpp shows what it can do
}  // namespace postgres
template <> inline constexpr bool detail::compiled_elsewhere<postgres::connection> = true;
template <> inline constexpr bool detail::known_to_read_in_batches<postgres::connection> = true;
extern template std::shared_ptr<detail::any_database_core>
detail::make_database_core<postgres::connection>(boost::asio::any_io_executor, const database_options&);
}  // namespace kedge
#else
#include <kedge/database_client.hpp>
#include <kedge/postgres/connection.hpp>
#endif

namespace kedge::postgres {

/// `kedge::postgres::client db{io, {.url = "postgresql://shop:secret@db.example.com/shop"}};`
using client = database_client<connection>;

}  // namespace kedge::postgres
