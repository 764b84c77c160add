// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bodies of the component `postgres` and the database client of its connections, for the unit that includes
// `kedge/src.hpp`. Needs libpq.

#include <kedge/database_client.hpp>
#include <kedge/postgres/client.hpp>
#include <kedge/postgres/connection.hpp>

#include <kedge/postgres/impl/cancel_desk.ipp>
#include <kedge/postgres/impl/dialing.ipp>
#include <kedge/postgres/impl/error.ipp>
#include <kedge/postgres/impl/session.ipp>
#include <kedge/postgres/impl/talking.ipp>
#include <kedge/postgres/impl/url.ipp>
#include <kedge/postgres/impl/values.ipp>

namespace kedge::detail {
template std::shared_ptr<any_database_core> make_database_core<postgres::connection>(boost::asio::any_io_executor,
                                                                                     const database_options&);
}  // namespace kedge::detail
