// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/text.hpp>
#include <kedge/sql/value.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
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
 *  Copies share the values, which nobody changes.
 *
 *  @par Complexity  One allocation, and one per text or blob that does not fit a small string. A copy has none.
 */
class params {
public:
    params() noexcept;
    params(const params&);
    params(params&&) noexcept;
    params& operator=(const params&);
    params& operator=(params&&) noexcept;
    ~params();

    template <class First, class... Rest>
        requires((!std::same_as<std::remove_cvref_t<First>, params> || sizeof...(Rest) > 0) &&
                 detail::sql_parameter<First> && (detail::sql_parameter<Rest> && ...))
    explicit params(const First& first, const Rest&... rest) {
        reserve(1 + sizeof...(Rest));
        add(first);
        (add(rest), ...);
    }

    std::size_t size() const noexcept { return size_; }
    const sql_value& operator[](std::size_t index) const noexcept { return values_[index]; }
    const sql_value* begin() const noexcept { return values_.get(); }
    const sql_value* end() const noexcept { return values_.get() + size_; }

private:
    template <class T> void add(const T& value) {
        if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::nullopt_t>) put_null();
        else if constexpr (detail::is_optional<T>) value ? add(*value) : put_null();
        else if constexpr (std::same_as<T, bool>) put_bool(value);
        else if constexpr (std::floating_point<T>) put_real(static_cast<double>(value));
        else if constexpr (detail::sql_integer<T>) put_integer(detail::to_sql_integer(value));
        else if constexpr (std::same_as<T, uuid>) put_uuid(value);
        else if constexpr (detail::is_moment<T>) put_moment(std::chrono::floor<std::chrono::microseconds>(value));
        else if constexpr (detail::is_array<T>) add_array(value);
        else if constexpr (std::convertible_to<const T&, std::string_view>) put_text(value);
        else put_bytes(value);
    }

    template <class T> void add_array(const std::vector<T>& values) {
        if constexpr (detail::is_integer_element<T>) {
            integer_array all;
            all.reserve(values.size());
            for (const auto& one : values) all.push_back(detail::to_integer_element(one));
            put_integers(std::move(all));
        } else {
            put_texts(text_array(values.begin(), values.end()));
        }
    }

    // Compiled once: a variant of so many types costs each unit a third of a second.
    void reserve(std::size_t);
    void put_null();
    void put_bool(bool);
    void put_integer(std::int64_t);
    void put_real(double);
    void put_text(std::string_view);
    void put_bytes(std::span<const std::byte>);
    void put_moment(timestamp);
    void put_uuid(const uuid&);
    void put_integers(integer_array&&);
    void put_texts(text_array&&);

    std::shared_ptr<sql_value[]> values_{};  // never written to once it is full, so that copies may share it
    std::size_t size_ = 0;
};

/// What can be said about a statement before any database sees it: NUL or invalid UTF-8 in its text or in a text value.
error_code check_statement(const sql_text& text, const params& values) noexcept;

}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/sql/impl/params.ipp>
#endif
