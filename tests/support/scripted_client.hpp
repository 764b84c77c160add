// SPDX-License-Identifier: BSL-1.0
#pragma once

// A database client over scripted connections, whose body one unit compiles for all tests.

#include <kedge/database/client.hpp>
#include <kedge/testing/scripted_connection.hpp>

namespace kedge {

template <> inline constexpr bool detail::compiled_elsewhere<testing::scripted_connection> = true;
extern template std::shared_ptr<detail::any_database_core>
detail::make_database_core<testing::scripted_connection>(boost::asio::any_io_executor, const database_options&);

}  // namespace kedge
