// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/escape.hpp>

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>

// Pieces of JSON, for whoever writes an object into a string from left to right.

namespace kedge::log::detail {

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

}  // namespace kedge::log::detail
