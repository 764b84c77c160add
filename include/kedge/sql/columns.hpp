// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/params.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// The values of a result, and as which C++ types they may be read: exactly, or not at all.

namespace kedge {

enum class cell_type : std::uint8_t { null, boolean, integer, real, text, blob, moment, id, integers, texts };

constexpr const char* to_string(cell_type type) noexcept {
    switch (type) {
    case cell_type::null: return "NULL";
    case cell_type::boolean: return "a boolean";
    case cell_type::integer: return "an integer";
    case cell_type::real: return "a floating point number";
    case cell_type::text: return "text";
    case cell_type::blob: return "a blob";
    case cell_type::moment: return "a timestamp";
    case cell_type::id: return "a UUID";
    case cell_type::integers: return "an array of integers";
    case cell_type::texts: return "an array of texts";
    }
    return "?";
}

namespace detail {

/// One value of a result: numbers and moments in place, everything else as a piece of the result's own bytes.
struct cell {
    cell_type type = cell_type::null;
    std::uint32_t length = 0;
    union {
        std::int64_t integer = 0;
        double real;
        std::uint64_t offset;
    };

    bool has(cell_type wanted) const noexcept { return type == wanted; }
    std::string_view text(const char* bytes) const noexcept { return {bytes + offset, length}; }
};

/** The elements of an array, one after the other in the bytes of its cell: whether there is one, and if so its integer, or
 *  its text after its length. */
class array_writer {
public:
    explicit array_writer(std::vector<char>& to) noexcept : to_(to) {}
    void element(std::optional<std::int64_t> value) {
        to_.push_back(value ? 1 : 0);
        if (value) put(&*value, sizeof *value);
    }
    void element(std::optional<std::string_view> value) {
        to_.push_back(value ? 1 : 0);
        if (!value) return;
        const std::uint64_t size = value->size();
        put(&size, sizeof size);
        put(value->data(), value->size());
    }

private:
    void put(const void* data, std::size_t size) {
        const char* const first = static_cast<const char*>(data);
        to_.insert(to_.end(), first, first + size);
    }
    std::vector<char>& to_;
};

class array_reader {
public:
    explicit array_reader(std::string_view from) noexcept : rest_(from) {}
    bool at_end() const noexcept { return rest_.empty(); }

    std::optional<std::int64_t> integer() noexcept {
        if (!present()) return std::nullopt;
        return word();
    }
    std::optional<std::string_view> text() noexcept {
        if (!present()) return std::nullopt;
        const auto size = static_cast<std::size_t>(word());
        const auto found = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return found;
    }

private:
    bool present() noexcept {
        const bool is = rest_.front() != 0;
        rest_.remove_prefix(1);
        return is;
    }
    std::int64_t word() noexcept {
        std::int64_t value = 0;
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_.remove_prefix(sizeof value);
        return value;
    }
    std::string_view rest_;
};

/// Reads one type of column. `fits` decides whether `get` may be called; `bytes` are those of the whole result.
template <class T> struct column_as;

template <> struct column_as<bool> {
    static constexpr const char* name = "bool";
    static bool fits(const char*, const cell& c) noexcept {
        return c.has(cell_type::boolean) || (c.has(cell_type::integer) && (c.integer == 0 || c.integer == 1));
    }
    static bool get(const char*, const cell& c) noexcept { return c.integer != 0; }
};

template <sql_integer T> struct column_as<T> {
    static inline const std::string name =
        (std::is_signed_v<T> ? "std::int" : "std::uint") + std::to_string(8 * sizeof(T)) + "_t";
    static bool fits(const char*, const cell& c) noexcept {
        return (c.has(cell_type::integer) || c.has(cell_type::boolean)) && std::in_range<T>(c.integer);
    }
    static T get(const char*, const cell& c) noexcept { return static_cast<T>(c.integer); }
};

template <> struct column_as<double> {
    static constexpr const char* name = "double";
    static bool fits(const char*, const cell& c) noexcept { return c.has(cell_type::real) || c.has(cell_type::integer); }
    static double get(const char*, const cell& c) noexcept {
        return c.has(cell_type::real) ? c.real : static_cast<double>(c.integer);
    }
};

template <> struct column_as<std::string_view> {
    static constexpr const char* name = "std::string_view";
    static bool fits(const char*, const cell& c) noexcept { return c.has(cell_type::text); }
    static std::string_view get(const char* bytes, const cell& c) noexcept { return c.text(bytes); }
};

template <> struct column_as<std::string> : column_as<std::string_view> {
    static constexpr const char* name = "std::string";
    static std::string get(const char* bytes, const cell& c) { return std::string(c.text(bytes)); }
};

template <> struct column_as<std::span<const std::byte>> {
    static constexpr const char* name = "std::span<const std::byte>";
    static bool fits(const char*, const cell& c) noexcept { return c.has(cell_type::blob); }
    static std::span<const std::byte> get(const char* bytes, const cell& c) noexcept {
        return std::as_bytes(std::span(bytes + c.offset, c.length));
    }
};

template <> struct column_as<blob> : column_as<std::span<const std::byte>> {
    static constexpr const char* name = "kedge::blob";
    static blob get(const char* bytes, const cell& c) {
        const auto found = column_as<std::span<const std::byte>>::get(bytes, c);
        return blob(found.begin(), found.end());
    }
};

/// A database without moments keeps them as text.
template <> struct column_as<timestamp> {
    static constexpr const char* name = "kedge::timestamp";
    static bool fits(const char* bytes, const cell& c) noexcept {
        return c.has(cell_type::moment) || (c.has(cell_type::text) && parse_timestamp(c.text(bytes)));
    }
    static timestamp get(const char* bytes, const cell& c) noexcept {
        if (c.has(cell_type::text)) return *parse_timestamp(c.text(bytes));
        return timestamp(std::chrono::microseconds(c.integer));
    }
};

template <> struct column_as<uuid> {
    static constexpr const char* name = "kedge::uuid";
    static bool fits(const char* bytes, const cell& c) noexcept {
        return c.has(cell_type::id) || (c.has(cell_type::text) && parse_uuid(c.text(bytes)));
    }
    static uuid get(const char* bytes, const cell& c) noexcept {
        if (c.has(cell_type::text)) return *parse_uuid(c.text(bytes));
        uuid id{};
        std::memcpy(id.data, bytes + c.offset, sizeof id.data);
        return id;
    }
};

template <class T> struct column_as<std::optional<T>> {
    static inline const std::string name = std::string("std::optional<") + column_as<T>::name + ">";
    static bool fits(const char* bytes, const cell& c) noexcept {
        return c.has(cell_type::null) || column_as<T>::fits(bytes, c);
    }
    static std::optional<T> get(const char* bytes, const cell& c) {
        if (c.has(cell_type::null)) return std::nullopt;
        return column_as<T>::get(bytes, c);
    }
};

/// An array: its elements obey what a column of theirs would.
template <class T>
    requires is_array<std::vector<T>>
struct column_as<std::vector<T>> {
    static inline const std::string name = std::string("std::vector<") + column_as<T>::name + ">";
    static constexpr cell_type type = is_integer_element<T> ? cell_type::integers : cell_type::texts;

    static bool fits(const char* bytes, const cell& c) noexcept {
        bool all = c.has(type);
        if (all) each(bytes, c, [&](const char* from, const cell& e) { all = all && column_as<T>::fits(from, e); });
        return all;
    }
    static std::vector<T> get(const char* bytes, const cell& c) {
        std::vector<T> values;
        each(bytes, c, [&](const char* from, const cell& e) { values.push_back(column_as<T>::get(from, e)); });
        return values;
    }

private:
    template <class F> static void each(const char* bytes, const cell& c, F f) {
        for (array_reader in(c.text(bytes)); !in.at_end();) {
            cell element;
            const char* from = nullptr;
            if constexpr (type == cell_type::integers) {
                if (const auto found = in.integer()) element.type = cell_type::integer, element.integer = *found;
            } else if (const auto found = in.text()) {
                element.type = cell_type::text, element.length = static_cast<std::uint32_t>(found->size()), element.offset = 0;
                from = found->data();
            }
            f(from, element);
        }
    }
};

}  // namespace detail
}  // namespace kedge
