// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bodies of this component, and its client, compiled once; see kedge/src.hpp. Needs libpq.

#include <kedge/postgres/client.hpp>

#include <kedge/postgres/impl/cancel_desk.ipp>
#include <kedge/postgres/impl/dialing.ipp>
#include <kedge/postgres/impl/error.ipp>
#include <kedge/postgres/impl/session.ipp>
#include <kedge/postgres/impl/talking.ipp>
#include <kedge/postgres/impl/url.ipp>
#include <kedge/postgres/impl/values.ipp>
