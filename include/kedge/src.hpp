// SPDX-License-Identifier: BSL-1.0
#pragma once

// All bodies at once. Define KEDGE_SEPARATE_COMPILATION for the whole program and include this in exactly one unit; the
// others then compile neither OpenSSL nor SQLite nor libpq. Needs the first two, and has PostgreSQL where libpq is.

#include <kedge/kedge.hpp>
#include <kedge/log/log.hpp>
#include <kedge/payment/http_exchange.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/sqlite/client.hpp>
#if __has_include(<libpq-fe.h>)
#include <kedge/postgres/client.hpp>
#endif

#include <kedge/http/impl/client.ipp>
#include <kedge/http/impl/connection.ipp>
#include <kedge/http/impl/message.ipp>
#include <kedge/http/impl/request_text.ipp>
#include <kedge/http/impl/response_reader.ipp>
#include <kedge/http/impl/tls_context.ipp>
#include <kedge/http/impl/url.ipp>
#include <kedge/log/impl/console_sink.ipp>
#include <kedge/log/impl/database_error.ipp>
#include <kedge/log/impl/events.ipp>
#include <kedge/log/impl/fallback_sink.ipp>
#include <kedge/log/impl/file_sink.ipp>
#include <kedge/log/impl/json_format.ipp>
#include <kedge/log/impl/memory_sink.ipp>
#include <kedge/log/impl/payment_error.ipp>
#include <kedge/log/impl/python_format.ipp>
#include <kedge/log/impl/record.ipp>
#include <kedge/log/impl/sink.ipp>
#include <kedge/log/impl/tee_sink.ipp>
#include <kedge/payment/impl/money.ipp>
#include <kedge/payment/impl/call.ipp>
#include <kedge/payment/impl/client.ipp>
#include <kedge/payment/impl/idempotency_key.ipp>
#include <kedge/payment/impl/journal.ipp>
#include <kedge/payment/impl/judge.ipp>
#include <kedge/payment/impl/look.ipp>
#include <kedge/payment/impl/provider.ipp>
#include <kedge/payment/impl/secret.ipp>
#include <kedge/payment/impl/upkeep.ipp>
#include <kedge/sql/impl/value.ipp>
#include <kedge/sqlite/impl/connection.ipp>
#include <kedge/sqlite/impl/error.ipp>
#include <kedge/sqlite/impl/session.ipp>
#include <kedge/sqlite/impl/url.ipp>
#if __has_include(<libpq-fe.h>)
#include <kedge/postgres/impl/cancel_desk.ipp>
#include <kedge/postgres/impl/dialing.ipp>
#include <kedge/postgres/impl/error.ipp>
#include <kedge/postgres/impl/session.ipp>
#include <kedge/postgres/impl/talking.ipp>
#include <kedge/postgres/impl/url.ipp>
#include <kedge/postgres/impl/values.ipp>
#endif
