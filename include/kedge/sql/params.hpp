// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/text.hpp>
#include <kedge/sql/value.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace kedge {

namespace detail {

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;

/// Integers, but not the character types: whether `'a'` means 97 or "a" is for the caller to say.
template <class T>
concept sql_integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                      !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T> inline constexpr bool is_moment = false;
template <class D> inline constexpr bool is_moment<std::chrono::sys_time<D>> = true;

/// Elements of an array: integers, but not bytes, which are no array to a database, and texts; optional if they may be NULL.
template <class T> inline constexpr bool is_integer_element = sql_integer<T> && (sizeof(T) > 1);
template <class T> inline constexpr bool is_integer_element<std::optional<T>> = is_integer_element<T>;
template <class T> inline constexpr bool is_text_element = std::same_as<T, std::string> || std::same_as<T, std::string_view>;
template <class T> inline constexpr bool is_text_element<std::optional<T>> = is_text_element<T>;

template <class T> inline constexpr bool is_array = false;
template <class T> inline constexpr bool is_array<std::vector<T>> = is_integer_element<T> || is_text_element<T>;

template <class T>
concept sql_parameter = std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t> || std::same_as<T, bool> ||
                        sql_integer<T> || std::floating_point<T> || std::convertible_to<const T&, std::string_view> ||
                        std::convertible_to<const T&, std::span<const std::byte>> || std::same_as<T, uuid> ||
                        is_moment<T> || is_array<T> || is_optional<T>;

template <sql_integer T> std::int64_t to_sql_integer(T value) {
    if (!std::in_range<std::int64_t>(value))
        throw std::out_of_range("kedge::params: " + std::to_string(value) +
                                " does not fit a signed 64 bit integer, the largest that databases have");
    return static_cast<std::int64_t>(value);
}

template <class T> std::optional<std::int64_t> to_integer_element(const T& value) { return to_sql_integer(value); }
template <class T> std::optional<std::int64_t> to_integer_element(const std::optional<T>& value) {
    if (!value) return std::nullopt;
    return to_sql_integer(*value);
}

template <class T> sql_value to_sql_array(const std::vector<T>& values) {
    if constexpr (is_integer_element<T>) {
        integer_array all;
        all.reserve(values.size());
        for (const auto& one : values) all.push_back(to_integer_element(one));
        return all;
    } else {
        return text_array(values.begin(), values.end());
    }
}

template <sql_parameter T> sql_value to_sql_value(const T& value) {
    if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>) {
        return std::monostate{};
    } else if constexpr (is_optional<T>) {
        return value ? to_sql_value(*value) : sql_value{};
    } else if constexpr (std::same_as<T, bool> || std::floating_point<T>) {
        return value;
    } else if constexpr (sql_integer<T>) {
        return to_sql_integer(value);
    } else if constexpr (std::same_as<T, uuid>) {
        return value;
    } else if constexpr (is_moment<T>) {
        return std::chrono::floor<std::chrono::microseconds>(value);
    } else if constexpr (is_array<T>) {
        return to_sql_array(value);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        return std::string(std::string_view(value));
    } else {
        const std::span<const std::byte> bytes = value;
        return blob(bytes.begin(), bytes.end());
    }
}

}  // namespace detail

/** The values of a statement's parameters, in order: `kedge::params(customer, "EUR", std::nullopt)`.
 *
 *  Owns its values, since a call may be repeated long after the expression that made them. Takes `bool`, integers (out
 *  of the range of a signed 64 bit integer: `std::out_of_range`), floating point, everything that is a
 *  `std::string_view` (text: UTF-8 without NUL, checked before sending), `blob` or a span of `std::byte`, `uuid`, a time of
 *  `std::chrono::system_clock` (cut to microseconds), a `std::vector` of integers or of texts (an array; its elements may be
 *  `std::optional`), `nullptr` or `std::nullopt` (NULL), and `std::optional` of these.
 *
 *  A value's type in the database follows from its place in the statement: `$1::numeric` takes the text "19.90" exactly.
 *  SQLite has neither moments nor UUIDs, and stores them as text; it has no arrays (`sql_errc::no_such_type`).
 *
 *  @par Complexity  One allocation, and one per text or blob that does not fit a small string.
 */
class params {
public:
    params() = default;
    params(const params&) = default;
    params(params&&) noexcept = default;
    params& operator=(const params&) = default;
    params& operator=(params&&) noexcept = default;
    ~params() = default;

    template <class First, class... Rest>
        requires((!std::same_as<std::remove_cvref_t<First>, params> || sizeof...(Rest) > 0) &&
                 detail::sql_parameter<First> && (detail::sql_parameter<Rest> && ...))
    explicit params(const First& first, const Rest&... rest) {
        values_.reserve(1 + sizeof...(Rest));
        values_.push_back(detail::to_sql_value(first));
        (values_.push_back(detail::to_sql_value(rest)), ...);
    }

    std::size_t size() const noexcept { return values_.size(); }
    const sql_value& operator[](std::size_t index) const noexcept { return values_[index]; }
    auto begin() const noexcept { return values_.begin(); }
    auto end() const noexcept { return values_.end(); }

private:
    std::vector<sql_value> values_;
};

/// What can be said about a statement before any database sees it: NUL or invalid UTF-8 in its text or in a text value.
inline error_code check_statement(const sql_text& text, const params& values) noexcept {
    if (const error_code ec = detail::check_text(text.view())) return ec;
    for (const sql_value& one : values) {
        if (const auto* s = std::get_if<std::string>(&one)) {
            if (const error_code ec = detail::check_text(*s)) return ec;
        } else if (const auto* all = std::get_if<text_array>(&one)) {
            for (const auto& element : *all)
                if (const error_code ec = element ? detail::check_text(*element) : error_code()) return ec;
        }
    }
    return {};
}

}  // namespace kedge
