// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bodies of the component `http`, for the unit that includes `kedge/src.hpp`. Needs OpenSSL.

#include <kedge/http/client.hpp>

#include <kedge/http/impl/client.ipp>
#include <kedge/http/impl/connection.ipp>
#include <kedge/http/impl/request_text.ipp>
#include <kedge/http/impl/response_reader.ipp>
#include <kedge/http/impl/tls_context.ipp>
#include <kedge/http/impl/url.ipp>
