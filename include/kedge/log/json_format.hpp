// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/python_format.hpp>

namespace kedge::log {

/** One JSON object on one line: time (ISO 8601, UTC, milliseconds), level, logger, message, then what the record has of
 *  fields, error, place, source line and exception.
 *
 *  @code
 *  {"time":"2025-10-26T15:26:46.000Z","level":"ERROR","logger":"kedge.database","message":"…","fields":{"used":20},
 *   "error":{"category":"kedge","code":3,"message":"connection pool exhausted"},"place":{"file":"…","line":7,"function":"f"}}
 *  @endcode
 *  A record that is `formatted` and one JSON object on one line is left as it is.
 *  What @ref python_format escapes is escaped here too, as `\uXXXX`. Numbers that JSON cannot say become `null`. The
 *  names of the fields should differ; they are written in their order.
 *
 *  @throws std::bad_alloc
 */
void json_format(const record& what, std::string& out);

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/json_format.ipp>
#endif
