// SPDX-License-Identifier: BSL-1.0
#pragma once

// Bodies that need compiling once only. Define KEDGE_SEPARATE_COMPILATION for the whole program and include this in exactly
// one unit, together with the same header of each component that the program uses: `kedge/http/src.hpp`,
// `kedge/sqlite/src.hpp`, `kedge/postgres/src.hpp`. Needs what kedge itself needs; each component's needs its dependency.

#include <kedge/config/config.hpp>
#include <kedge/log/log.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/sql/connection_concept.hpp>

#include <kedge/config/impl/checks.ipp>
#include <kedge/config/impl/clients.ipp>
#include <kedge/config/impl/documents.ipp>
#include <kedge/config/impl/env_file.ipp>
#include <kedge/config/impl/environment.ipp>
#include <kedge/config/impl/live.ipp>
#include <kedge/config/impl/load.ipp>
#include <kedge/config/impl/problem.ipp>
#include <kedge/config/impl/rows.ipp>
#include <kedge/config/impl/sinks.ipp>
#include <kedge/config/impl/table.ipp>
#include <kedge/http/impl/message.ipp>
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
#include <kedge/log/impl/repeat_filter.ipp>
#include <kedge/log/impl/sink.ipp>
#include <kedge/log/impl/tee_sink.ipp>
#include <kedge/payment/impl/call.ipp>
#include <kedge/payment/impl/call_end.ipp>
#include <kedge/payment/impl/client.ipp>
#include <kedge/payment/impl/idempotency_key.ipp>
#include <kedge/payment/impl/journal.ipp>
#include <kedge/payment/impl/judge.ipp>
#include <kedge/payment/impl/look.ipp>
#include <kedge/payment/impl/money.ipp>
#include <kedge/payment/impl/provider.ipp>
#include <kedge/payment/impl/secret.ipp>
#include <kedge/payment/impl/upkeep.ipp>
#include <kedge/sql/impl/params.ipp>
#include <kedge/sql/impl/value.ipp>
