// SPDX-License-Identifier: BSL-1.0
// The bodies of kedge's clients, HTTP and TLS among them, compiled once for all scenarios.
#include <kedge/aws/src.hpp>
#include <kedge/http/src.hpp>
#include <kedge/postgres/src.hpp>
#include <kedge/sqlite/src.hpp>
#include <kedge/src.hpp>

#include <kedge/testing/detail/https_server.ipp>
