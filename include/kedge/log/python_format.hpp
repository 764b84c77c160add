// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/record.hpp>

#include <string>
#include <string_view>

namespace kedge::log {

/// Appends `what` to `out`, one event, without a newline at its end.
using formatter = void (*)(const record& what, std::string& out);

/** The pattern of Python's logging: `[ERROR] message`, and a traceback if the record has an exception.
 *
 *  A record without `exception` is one line, one with it is a traceback of four or five lines (the text of the source
 *  line is left out, as Python does, when it is not at hand). Control characters, line separators, terminal sequences
 *  and overrides of writing direction are escaped as Python writes them (`\n`, `\x1b`, `\u2028`), invalid UTF-8 becomes
 *  U+FFFD. So no content can make a line of its own. Fields and time are for @ref json_format.
 *
 *  @throws std::bad_alloc
 */
void python_format(const record& what, std::string& out);

/** The last identifier of a function's name as compilers spell it; GCC names the frames of coroutines.
 *
 *  `asio::awaitable<void> shop::checkout(int)` → `checkout`. Empty input: `<unknown>`.
 */
std::string_view short_function(std::string_view function) noexcept;

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/python_format.ipp>
#endif
