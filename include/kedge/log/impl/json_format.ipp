// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/escape.hpp>
#include <kedge/log/detail/iso_time.hpp>
#include <kedge/log/json_format.hpp>

#include <charconv>
#include <cmath>
#include <type_traits>
#include <variant>

namespace kedge::log {

namespace detail {

inline void append_json(std::string& out, std::string_view text) {
    out += '"';
    append_safe(
        out, text, [](char32_t point) { return point == '"' || point == '\\'; },
        [](std::string& to, char32_t point) {
            switch (point) {
            case '"': to += "\\\""; return;
            case '\\': to += "\\\\"; return;
            case '\n': to += "\\n"; return;
            case '\r': to += "\\r"; return;
            case '\t': to += "\\t"; return;
            default: break;
            }
            to += "\\u";
            append_hex(to, point, 4);  // nothing that is escaped lies beyond U+FFFF
        });
    out += '"';
}

template <class Number>
    requires std::is_arithmetic_v<Number>
void append_json(std::string& out, Number value) {
    if constexpr (std::is_same_v<Number, bool>) {
        out += value ? "true" : "false";
    } else {
        if constexpr (std::is_floating_point_v<Number>) {
            if (!std::isfinite(value)) {
                out += "null";
                return;
            }
        }
        char text[32];
        out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    }
}

template <class Value> void append_member(std::string& out, std::string_view name, const Value& value) {
    if (out.back() != '{') out += ',';
    append_json(out, name);
    out += ':';
    append_json(out, value);
}

inline void open_member(std::string& out, std::string_view name) {
    out += ',';
    append_json(out, name);
    out += ":{";
}

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
