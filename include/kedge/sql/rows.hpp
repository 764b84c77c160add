// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/params.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace kedge {

/// What a statement changed.
struct affected {
    std::int64_t rows = 0;  ///< inserted, updated or deleted by the statement itself, without triggers
};

/// Thrown by `rows::as` before the first row: the columns are not what was asked for. The text names column and row.
class bad_rows : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

enum class cell_type : std::uint8_t { null, boolean, integer, real, text, blob };

constexpr const char* to_string(cell_type type) noexcept {
    switch (type) {
    case cell_type::null: return "NULL";
    case cell_type::boolean: return "a boolean";
    case cell_type::integer: return "an integer";
    case cell_type::real: return "a floating point number";
    case cell_type::text: return "text";
    case cell_type::blob: return "a blob";
    }
    return "?";
}

namespace detail {

/// One value of a result: numbers in place, text and blobs as a piece of the result's own bytes.
struct cell {
    cell_type type = cell_type::null;
    std::uint32_t length = 0;
    union {
        std::int64_t integer = 0;
        double real;
        std::uint64_t offset;
    };
};

template <class T> struct column_as;  // reads one column type; the conversions are exact or refused

}  // namespace detail

template <class... Ts> class typed_rows;

/** The result of a statement: typed columns, rows by index or through @ref as.
 *
 *  Owns its memory. What `as` hands out as `std::string_view` or span points into this object and survives its move.
 *
 *  @par Thread safety  Const members: safe.
 */
class rows {
public:
    std::size_t size() const noexcept { return names_.empty() ? 0 : cells_.size() / names_.size(); }
    bool empty() const noexcept { return cells_.empty(); }
    std::size_t columns() const noexcept { return names_.size(); }
    std::string_view column_name(std::size_t column) const noexcept { return names_[column]; }
    cell_type type(std::size_t row, std::size_t column) const noexcept { return at(row, column).type; }

    /// How many rows the statement changed; 0 for a query.
    kedge::affected affected() const noexcept { return affected_; }

    /** Views the rows as tuples: `for (auto [id, total] : rows.as<std::int64_t, std::string_view>()) …`
     *
     *  Types: `bool`, integers, `double`, `std::string_view`, `std::string`, `std::span<const std::byte>`, `blob`, and
     *  `std::optional` of these for what may be NULL. An integer reads as `double`, 0 and 1 as `bool`.
     *
     *  @throws bad_rows before the first row: wrong number of columns, a NULL without `std::optional`, a value of another
     *          type or out of range.
     *  @par Lifetimes  The view and its `string_view`s are valid as long as this object lives; not on a temporary.
     *  @par Complexity  One pass over all values, without allocation.
     */
    template <class... Ts> typed_rows<Ts...> as() const& {
        static_assert(sizeof...(Ts) > 0, "name the columns' types: rows.as<std::int64_t, std::string_view>()");
        check_count(sizeof...(Ts));
        check_types<Ts...>(std::index_sequence_for<Ts...>{});
        return typed_rows<Ts...>(*this);
    }
    template <class... Ts> void as() const&& = delete;  // the rows would be gone before the loop; give them a name

private:
    friend class rows_builder;
    template <class...> friend class typed_rows;
    template <class> friend struct detail::column_as;

    const detail::cell& at(std::size_t row, std::size_t column) const noexcept {
        return cells_[row * names_.size() + column];
    }
    const char* bytes(const detail::cell& c) const noexcept { return bytes_.data() + c.offset; }

    template <class... Ts, std::size_t... Columns> void check_types(std::index_sequence<Columns...>) const {
        for (std::size_t row = 0; row < size(); ++row) (check_cell<Ts>(row, Columns), ...);
    }

    template <class T> void check_cell(std::size_t row, std::size_t column) const {
        const detail::cell& c = at(row, column);
        if (!detail::column_as<T>::fits(c)) refuse(row, column, detail::column_as<T>::name);
    }

    [[noreturn]] void refuse(std::size_t row, std::size_t column, const std::string& wanted) const {
        const detail::cell& c = at(row, column);
        std::string text = "column " + std::to_string(column + 1) + " \"" + names_[column] + "\" is " + to_string(c.type);
        if (c.type == cell_type::integer) text += " (" + std::to_string(c.integer) + ")";
        text += " in row " + std::to_string(row + 1) + ", asked for " + wanted;
        if (c.type == cell_type::null) text += "; ask for std::optional<" + wanted + ">";
        throw bad_rows(text);
    }

    void check_count(std::size_t wanted) const {
        if (columns() == wanted) return;
        std::string text = "the result has " + std::to_string(columns()) + " columns";
        for (std::size_t i = 0; i < names_.size(); ++i) text += (i == 0 ? " (" : ", ") + names_[i];
        throw bad_rows(text + (names_.empty() ? "" : ")") + ", asked for " + std::to_string(wanted));
    }

    std::vector<std::string> names_;
    std::vector<detail::cell> cells_;
    std::vector<char> bytes_;  // not a string: its short form would move with the object
    kedge::affected affected_{};
};

namespace detail {

template <> struct column_as<bool> {
    static constexpr const char* name = "bool";
    static bool fits(const cell& c) noexcept {
        return c.type == cell_type::boolean || (c.type == cell_type::integer && (c.integer == 0 || c.integer == 1));
    }
    static bool get(const rows&, const cell& c) noexcept { return c.integer != 0; }
};

template <sql_integer T> struct column_as<T> {
    static inline const std::string name =
        (std::is_signed_v<T> ? "std::int" : "std::uint") + std::to_string(8 * sizeof(T)) + "_t";
    static bool fits(const cell& c) noexcept {
        return (c.type == cell_type::integer || c.type == cell_type::boolean) && std::in_range<T>(c.integer);
    }
    static T get(const rows&, const cell& c) noexcept { return static_cast<T>(c.integer); }
};

template <> struct column_as<double> {
    static constexpr const char* name = "double";
    static bool fits(const cell& c) noexcept { return c.type == cell_type::real || c.type == cell_type::integer; }
    static double get(const rows&, const cell& c) noexcept {
        return c.type == cell_type::real ? c.real : static_cast<double>(c.integer);
    }
};

template <> struct column_as<std::string_view> {
    static constexpr const char* name = "std::string_view";
    static bool fits(const cell& c) noexcept { return c.type == cell_type::text; }
    static std::string_view get(const rows& from, const cell& c) noexcept { return {from.bytes(c), c.length}; }
};

template <> struct column_as<std::string> : column_as<std::string_view> {
    static constexpr const char* name = "std::string";
    static std::string get(const rows& from, const cell& c) {
        return std::string(column_as<std::string_view>::get(from, c));
    }
};

template <> struct column_as<std::span<const std::byte>> {
    static constexpr const char* name = "std::span<const std::byte>";
    static bool fits(const cell& c) noexcept { return c.type == cell_type::blob; }
    static std::span<const std::byte> get(const rows& from, const cell& c) noexcept {
        return std::as_bytes(std::span(from.bytes(c), c.length));
    }
};

template <> struct column_as<blob> : column_as<std::span<const std::byte>> {
    static constexpr const char* name = "kedge::blob";
    static blob get(const rows& from, const cell& c) {
        const auto bytes = column_as<std::span<const std::byte>>::get(from, c);
        return blob(bytes.begin(), bytes.end());
    }
};

template <class T> struct column_as<std::optional<T>> {
    static inline const std::string name = std::string("std::optional<") + column_as<T>::name + ">";
    static bool fits(const cell& c) noexcept { return c.type == cell_type::null || column_as<T>::fits(c); }
    static std::optional<T> get(const rows& from, const cell& c) {
        if (c.type == cell_type::null) return std::nullopt;
        return column_as<T>::get(from, c);
    }
};

}  // namespace detail

/// A checked view of a result as tuples; see @ref rows::as.
template <class... Ts> class typed_rows {
public:
    using value_type = std::tuple<Ts...>;

    class iterator {
    public:
        using value_type = std::tuple<Ts...>;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;
        using reference = value_type;
        using pointer = void;

        iterator() = default;
        value_type operator*() const { return read(std::index_sequence_for<Ts...>{}); }
        iterator& operator++() noexcept {
            ++row_;
            return *this;
        }
        iterator operator++(int) noexcept { return {from_, row_++}; }
        friend bool operator==(const iterator&, const iterator&) = default;

    private:
        friend class typed_rows;
        iterator(const rows* from, std::size_t row) noexcept : from_(from), row_(row) {}
        template <std::size_t... Columns> value_type read(std::index_sequence<Columns...>) const {
            return value_type(detail::column_as<Ts>::get(*from_, from_->at(row_, Columns))...);
        }
        const rows* from_ = nullptr;
        std::size_t row_ = 0;
    };

    iterator begin() const noexcept { return {from_, 0}; }
    iterator end() const noexcept { return {from_, from_->size()}; }
    std::size_t size() const noexcept { return from_->size(); }
    bool empty() const noexcept { return from_->empty(); }

    /// @throws bad_rows when there is no such row.
    value_type operator[](std::size_t row) const {
        if (row >= size())
            throw bad_rows("row " + std::to_string(row + 1) + " asked for, the result has " + std::to_string(size()));
        return *iterator(from_, row);
    }
    value_type front() const { return (*this)[0]; }

private:
    friend class rows;
    explicit typed_rows(const rows& from) noexcept : from_(&from) {}
    const rows* from_;
};

/// Fills a @ref rows; for adapters and for stand-ins in tests. Cells come row by row, from the left.
class rows_builder {
public:
    explicit rows_builder(std::vector<std::string> names = {}) { result_.names_ = std::move(names); }

    void null() { result_.cells_.emplace_back(); }
    void boolean(bool value) { integer_cell(cell_type::boolean, value ? 1 : 0); }
    void integer(std::int64_t value) { integer_cell(cell_type::integer, value); }
    void real(double value) {
        detail::cell& c = result_.cells_.emplace_back();
        c.type = cell_type::real;
        c.real = value;
    }
    void text(std::string_view value) { bytes_cell(cell_type::text, value.data(), value.size()); }
    void bytes(const void* data, std::size_t size) { bytes_cell(cell_type::blob, static_cast<const char*>(data), size); }
    void affected(std::int64_t rows) noexcept { result_.affected_.rows = rows; }

    rows take() && noexcept { return std::move(result_); }

private:
    void integer_cell(cell_type type, std::int64_t value) {
        detail::cell& c = result_.cells_.emplace_back();
        c.type = type;
        c.integer = value;
    }
    void bytes_cell(cell_type type, const char* data, std::size_t size) {
        detail::cell& c = result_.cells_.emplace_back();
        c.type = type;
        c.length = static_cast<std::uint32_t>(size);
        c.offset = result_.bytes_.size();
        if (size > 0) result_.bytes_.insert(result_.bytes_.end(), data, data + size);
    }
    rows result_;
};

}  // namespace kedge
