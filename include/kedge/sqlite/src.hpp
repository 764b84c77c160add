// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bodies of the component `sqlite` and the database client of its connections, for the unit that includes
// `kedge/src.hpp`. Needs SQLite.

#include <kedge/database_client.hpp>
#include <kedge/sqlite/client.hpp>
#include <kedge/sqlite/connection.hpp>

#include <kedge/sqlite/impl/connection.ipp>
#include <kedge/sqlite/impl/error.ipp>
#include <kedge/sqlite/impl/session.ipp>
#include <kedge/sqlite/impl/url.ipp>

namespace kedge::detail {
template std::shared_ptr<any_database_core> make_database_core<sqlite::connection>(boost::asio::any_io_executor,
                                                                                   const database_options&);
}  // namespace kedge::detail
