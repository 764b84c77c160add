// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/client.hpp>
#include <kedge/sqlite/error.hpp>

#ifdef KEDGE_SEPARATE_COMPILATION
namespace kedge {
namespace sqlite {
class connection;  // kedge/sqlite/connection.hpp shows what it can do
}  // namespace sqlite
template <> inline constexpr bool detail::compiled_elsewhere<sqlite::connection> = true;
template <> inline constexpr bool detail::known_to_read_in_batches<sqlite::connection> = true;
extern template std::shared_ptr<detail::any_database_core>
detail::make_database_core<sqlite::connection>(boost::asio::any_io_executor, const database_options&);
}  // namespace kedge
#else
#include <kedge/database_client.hpp>
#include <kedge/sqlite/connection.hpp>
#endif

namespace kedge::sqlite {

/// `kedge::sqlite::client db{io, {.url = "sqlite:/var/lib/shop.db"}};`
using client = database_client<connection>;

}  // namespace kedge::sqlite
