// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/escape.hpp>
#include <kedge/log/python_format.hpp>

namespace kedge::log {

namespace detail {

inline void append_python(std::string& out, std::string_view text) {
    append_safe(
        out, text, [](char32_t) { return false; },
        [](std::string& to, char32_t point) {
            switch (point) {
            case '\n': to += "\\n"; return;
            case '\r': to += "\\r"; return;
            case '\t': to += "\\t"; return;
            default: break;
            }
            to += point < 0x100 ? "\\x" : "\\u";
            append_hex(to, point, point < 0x100 ? 2 : 4);
        });
}

/// Where the parameter list begins; npos without one. The one of "(anonymous namespace)" and of `operator()` is none.
inline std::size_t parameters_of(std::string_view function) noexcept {
    int depth = 0;  // inside template arguments there may be function types
    for (std::size_t i = 0; i < function.size(); ++i) {
        const std::string_view rest = function.substr(i);
        if (rest.starts_with("operator()")) i += std::string_view("operator()").size() - 1;
        else if (rest.starts_with("(anonymous")) i = function.find(')', i);
        else if (rest[0] == '<') ++depth;
        else if (rest[0] == '>') --depth;
        else if (rest[0] == '(' && depth == 0) return i;
        if (i == std::string_view::npos) break;
    }
    return std::string_view::npos;
}

}  // namespace detail

KEDGE_DECL std::string_view short_function(std::string_view function) noexcept {
    std::string_view name = function.substr(0, detail::parameters_of(function));
    if (name.ends_with('>')) {  // template arguments
        int depth = 0;
        std::size_t i = name.size();
        do {
            --i;
            depth += name[i] == '>' ? 1 : name[i] == '<' ? -1 : 0;
        } while (i > 0 && depth > 0);
        name = name.substr(0, i);
    }
    if (const auto cut = name.find_last_of(" :*&"); cut != std::string_view::npos) name.remove_prefix(cut + 1);
    return name.empty() ? std::string_view("<unknown>") : name;
}

KEDGE_DECL void python_format(const record& what, std::string& out) {
    if (what.formatted) return void(out += what.message);
    out += '[';
    out += name_of(what.severity);
    out += "] ";
    detail::append_python(out, what.message);
    if (what.exception.empty()) return;
    out += "\nTraceback (most recent call last):\n  File \"";
    detail::append_python(out, what.place.file_name());
    out += "\", line " + std::to_string(what.place.line()) + ", in ";
    detail::append_python(out, short_function(what.place.function_name()));
    if (!what.source_line.empty()) {
        out += "\n    ";
        detail::append_python(out, what.source_line);
    }
    out += '\n';
    detail::append_python(out, what.exception);
}

}  // namespace kedge::log
