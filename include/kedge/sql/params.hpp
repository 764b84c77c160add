// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/text.hpp>

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

/// Bytes that are not text.
using blob = std::vector<std::byte>;

/// One value on its way into a database; `std::monostate` is NULL.
using sql_value = std::variant<std::monostate, bool, std::int64_t, double, std::string, blob>;

namespace detail {

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;

/// Integers, but not the character types: whether `'a'` means 97 or "a" is for the caller to say.
template <class T>
concept sql_integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                      !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept sql_parameter = std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t> || std::same_as<T, bool> ||
                        sql_integer<T> || std::floating_point<T> || std::convertible_to<const T&, std::string_view> ||
                        std::convertible_to<const T&, std::span<const std::byte>> || is_optional<T>;

template <sql_parameter T> sql_value to_sql_value(const T& value) {
    if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>) {
        return std::monostate{};
    } else if constexpr (is_optional<T>) {
        return value ? to_sql_value(*value) : sql_value{};
    } else if constexpr (std::same_as<T, bool> || std::floating_point<T>) {
        return value;
    } else if constexpr (sql_integer<T>) {
        if (!std::in_range<std::int64_t>(value))
            throw std::out_of_range("kedge::params: " + std::to_string(value) +
                                    " does not fit a signed 64 bit integer, the largest that databases have");
        return static_cast<std::int64_t>(value);
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
 *  `std::string_view` (text: UTF-8 without NUL, checked before sending), `blob` or a span of `std::byte`, `nullptr` or
 *  `std::nullopt` (NULL), and `std::optional` of these.
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
        }
    }
    return {};
}

}  // namespace kedge
