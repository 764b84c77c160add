// SPDX-License-Identifier: BSL-1.0
// The one unit that compiles the bodies of adapters and facades, and the HTTPS server, for the tests.
#include <kedge/http/src.hpp>
#include <kedge/postgres/src.hpp>
#include <kedge/sqlite/src.hpp>
#include <kedge/src.hpp>

#include <kedge/testing/detail/https_server.ipp>
