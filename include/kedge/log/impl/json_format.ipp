// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/document.hpp>
#include <kedge/log/detail/iso_time.hpp>
#include <kedge/log/detail/json.hpp>
#include <kedge/log/json_format.hpp>

#include <variant>

namespace kedge::log {

namespace detail {

inline void append_fields(std::string& out, std::span<const field> fields) {
    open_member(out, "fields");
    for (const field& one : fields) std::visit([&](const auto& value) { append_member(out, one.name, value); }, one.value);
    out += '}';
}

inline void append_error(std::string& out, const error_code& error) {
    open_member(out, "error");
    append_member(out, "category", std::string_view(error.category().name()));
    append_member(out, "code", error.value());
    append_member(out, "message", std::string_view(error.message()));
    out += '}';
}

inline void append_place(std::string& out, const record& what) {
    open_member(out, "place");
    append_member(out, "file", std::string_view(what.place.file_name()));
    append_member(out, "line", what.place.line());
    append_member(out, "function", short_function(what.place.function_name()));
    if (!what.source_line.empty()) append_member(out, "source", what.source_line);
    out += '}';
}

}  // namespace detail

KEDGE_DECL void json_format(const record& what, std::string& out) {
    if (detail::is_document(what)) return void(out += what.message);
    out += '{';
    detail::append_member(out, "time", std::string_view(detail::iso_time(what.time)));
    detail::append_member(out, "level", name_of(what.severity));
    detail::append_member(out, "logger", what.logger);
    detail::append_member(out, "message", what.message);
    if (!what.fields.empty()) detail::append_fields(out, what.fields);
    if (what.error.failed()) detail::append_error(out, what.error);
    if (what.place.line() != 0) detail::append_place(out, what);
    if (!what.exception.empty()) detail::append_member(out, "exception", what.exception);
    out += '}';
}

}  // namespace kedge::log
