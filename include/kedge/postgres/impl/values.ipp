// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/impl/values.hpp>

#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace kedge::postgres::detail {

/// The numbers of built-in types, which never change (`select oid, typname from pg_type`).
enum class type_oid : Oid {
    boolean = 16,
    bytea = 17,
    int8 = 20,
    int2 = 21,
    int4 = 23,
    oid = 26,
    float4 = 700,
    float8 = 701,
    timestamptz = 1184,
    uuid = 2950,
    int2_array = 1005,
    int4_array = 1007,
    text_array = 1009,
    varchar_array = 1015,
    int8_array = 1016,
};

inline std::string real_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

inline std::string quoted_element(std::string_view text) {
    std::string made = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') made += '\\';
        made += c;
    }
    return made += '"';
}

/// "{1,NULL,3}"
template <class Array, class Write> std::string array_text(const Array& values, Write write) {
    std::string made = "{";
    for (const auto& one : values) {
        if (made.size() > 1) made += ',';
        made += one ? write(*one) : "NULL";
    }
    return made += '}';
}

/// Everything that is sent as text and not already one.
struct text_of_value {
    std::string operator()(bool v) const { return v ? "t" : "f"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return real_text(v); }
    std::string operator()(timestamp v) const { return kedge::detail::to_text(v); }
    std::string operator()(const uuid& v) const { return kedge::detail::to_text(v); }
    std::string operator()(const integer_array& v) const {
        return array_text(v, [](std::int64_t n) { return std::to_string(n); });
    }
    std::string operator()(const text_array& v) const { return array_text(v, quoted_element); }
    template <class T> std::string operator()(const T&) const { return {}; }
};

KEDGE_DECL void bound_values::clear() noexcept {
    texts_.clear();
    pointers_.clear();
    lengths_.clear();
    formats_.clear();
}

KEDGE_DECL void bound_values::bind(const params& values) {
    static constexpr char empty[] = "";  // a null pointer would be NULL
    clear();
    texts_.reserve(values.size());  // what is pointed to stays
    for (const sql_value& v : values) {
        const auto* bytes = std::get_if<blob>(&v);
        const auto* text = std::get_if<std::string>(&v);
        const char* at = nullptr;
        if (bytes != nullptr) at = bytes->empty() ? empty : reinterpret_cast<const char*>(bytes->data());
        else if (text != nullptr) at = text->c_str();
        else if (!std::holds_alternative<std::monostate>(v)) at = texts_.emplace_back(std::visit(text_of_value{}, v)).c_str();
        pointers_.push_back(at);
        lengths_.push_back(bytes != nullptr ? static_cast<int>(bytes->size()) : 0);
        formats_.push_back(bytes != nullptr ? 1 : 0);
    }
}

KEDGE_DECL kedge::detail::column_names names_of(const PGresult* from, const kedge::detail::column_names& last) {
    const auto count = static_cast<std::size_t>(PQnfields(from));
    const auto name = [from](std::size_t i) { return PQfname(from, static_cast<int>(i)); };
    bool same = last != nullptr && last->size() == count;
    for (std::size_t i = 0; same && i < count; ++i) same = (*last)[i] == name(i);
    if (same) return last;
    std::vector<std::string> names;
    names.reserve(count);
    for (std::size_t i = 0; i < count; ++i) names.emplace_back(name(i));
    return std::make_shared<const std::vector<std::string>>(std::move(names));
}

template <class Number> std::optional<Number> parsed_number(std::string_view text) {
    Number value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

constexpr int hex_value(char c) noexcept { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

inline void append_bytes(std::string_view text, rows_builder& to) {
    if (text.starts_with("\\x")) {
        std::string bytes(text.size() / 2 - 1, '\0');
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<char>(hex_value(text[2 * i + 2]) << 4 | hex_value(text[2 * i + 3]));
        return to.bytes(bytes.data(), bytes.size());
    }
    std::size_t size = 0;  // the old "escape" format, if somebody set it
    const std::unique_ptr<unsigned char, void (*)(void*)> bytes(
        PQunescapeBytea(reinterpret_cast<const unsigned char*>(text.data()), &size), &PQfreemem);
    to.bytes(bytes.get(), bytes != nullptr ? size : 0);
}

/// Reads the elements of "{a,NULL,\"b c\"}". False for what is not a plain list: more dimensions, bounds of its own.
template <class Take> bool each_element(std::string_view text, Take take) {
    if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
    text = text.substr(1, text.size() - 2);
    std::string element;
    while (!text.empty()) {
        element.clear();
        const bool quoted = text.front() == '"';
        if (quoted) text.remove_prefix(1);
        while (!text.empty() && (quoted ? text.front() != '"' : text.front() != ',')) {
            if (!quoted && (text.front() == '{' || text.front() == '}')) return false;
            if (text.front() == '\\') text.remove_prefix(1);
            if (text.empty()) return false;
            element += text.front();
            text.remove_prefix(1);
        }
        if (quoted && !text.empty()) text.remove_prefix(1);
        if (!take(element, !quoted && element == "NULL")) return false;
        if (text.empty()) break;
        if (text.front() != ',') return false;
        text.remove_prefix(1);
    }
    return true;
}

inline void append_integers(std::string_view text, rows_builder& to) {
    integer_array values;
    const bool plain = each_element(text, [&](const std::string& element, bool null) {
        const auto number = parsed_number<std::int64_t>(element);
        if (!null && !number) return false;
        values.push_back(null ? std::nullopt : number);
        return true;
    });
    plain ? to.integers(values) : to.text(text);
}

inline void append_texts(std::string_view text, rows_builder& to) {
    text_array values;
    const bool plain = each_element(text, [&](std::string& element, bool null) {
        null ? values.emplace_back() : values.emplace_back(std::move(element));
        return true;
    });
    plain ? to.texts(values) : to.text(text);
}

/// from_chars reads "inf" and "nan" as well, in any case, but not PostgreSQL's sign-less "Infinity" of the wrong length: all
/// that it does not read is text.
inline void append_value(std::string_view text, type_oid type, rows_builder& to) {
    switch (type) {
    case type_oid::boolean: return to.boolean(text == "t");
    case type_oid::int2:
    case type_oid::int4:
    case type_oid::int8:
    case type_oid::oid:
        if (const auto number = parsed_number<std::int64_t>(text)) return to.integer(*number);
        break;
    case type_oid::float4:
    case type_oid::float8:
        if (const auto number = parsed_number<double>(text)) return to.real(*number);
        break;
    case type_oid::bytea: return append_bytes(text, to);
    case type_oid::timestamptz:
        if (const auto at = kedge::detail::parse_timestamp(text)) return to.moment(*at);
        break;
    case type_oid::uuid:
        if (const auto id = kedge::detail::parse_uuid(text)) return to.id(*id);
        break;
    case type_oid::int2_array:
    case type_oid::int4_array:
    case type_oid::int8_array: return append_integers(text, to);
    case type_oid::text_array:
    case type_oid::varchar_array: return append_texts(text, to);
    }
    to.text(text);
}

KEDGE_DECL void append_rows(const PGresult* from, rows_builder& to) {
    const int rows = PQntuples(from), columns = PQnfields(from);
    for (int row = 0; row < rows; ++row) {
        for (int i = 0; i < columns; ++i) {
            if (PQgetisnull(from, row, i) != 0) {
                to.null();
                continue;
            }
            const std::string_view text(PQgetvalue(from, row, i), static_cast<std::size_t>(PQgetlength(from, row, i)));
            append_value(text, static_cast<type_oid>(PQftype(from, i)), to);
        }
    }
}

}  // namespace kedge::postgres::detail
