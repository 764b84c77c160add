// SPDX-License-Identifier: BSL-1.0
#include "scripted_client.hpp"

#include <kedge/database_client.hpp>

template std::shared_ptr<kedge::detail::any_database_core>
kedge::detail::make_database_core<kedge::testing::scripted_connection>(boost::asio::any_io_executor, const database_options&);
