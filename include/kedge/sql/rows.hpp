// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
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

namespace detail {

/// Shared by the results of a statement that is executed again and again.
using column_names = std::shared_ptr<const std::vector<std::string>>;

}  // namespace detail

/// Thrown by `rows::as` before the first row: the columns are not what was asked for. The text names column and row.
class bad_rows : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

template <class... Ts> class typed_rows;

/** The result of a statement: typed columns, rows by index or through @ref as.
 *
 *  Owns its memory. What `as` hands out as `std::string_view` or span points into this object and survives its move.
 *
 *  @par Thread safety  Const members: safe.
 */
class rows {
public:
    std::size_t size() const noexcept { return columns() == 0 ? 0 : cells_.size() / columns(); }
    bool empty() const noexcept { return cells_.empty(); }
    std::size_t columns() const noexcept { return names_ ? names_->size() : 0; }
    std::string_view column_name(std::size_t column) const noexcept { return (*names_)[column]; }
    cell_type type(std::size_t row, std::size_t column) const noexcept { return at(row, column).type; }

    /// How many rows the statement changed; 0 for a query.
    kedge::affected affected() const noexcept { return affected_; }

    /** Views the rows as tuples: `for (auto [id, total] : rows.as<std::int64_t, std::string_view>()) …`
     *
     *  Types: `bool`, integers, `double`, `std::string_view`, `std::string`, `std::span<const std::byte>`, `blob`,
     *  `timestamp`, `uuid`, `std::vector` of integers or of texts for an array, and `std::optional` of these, and of an array's
     *  elements, for what may be NULL. An integer reads as `double`, 0 and 1 as `bool`, a text that is one as `timestamp` or
     *  `uuid`. Whatever else a database has (numeric, json, date, interval, …) is text, as it writes it.
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

    const detail::cell& at(std::size_t row, std::size_t column) const noexcept {
        return cells_[row * columns() + column];
    }

    template <class... Ts, std::size_t... Columns> void check_types(std::index_sequence<Columns...>) const {
        for (std::size_t row = 0; row < size(); ++row) (check_cell<Ts>(row, Columns), ...);
    }

    template <class T> void check_cell(std::size_t row, std::size_t column) const {
        const detail::cell& c = at(row, column);
        if (!detail::column_as<T>::fits(bytes_.data(), c)) refuse(row, column, detail::column_as<T>::name);
    }

    [[noreturn]] void refuse(std::size_t row, std::size_t column, const std::string& wanted) const {
        const detail::cell& c = at(row, column);
        std::string text = "column " + std::to_string(column + 1) + " \"" + (*names_)[column] + "\" is " + to_string(c.type);
        if (c.type == cell_type::integer) text += " (" + std::to_string(c.integer) + ")";
        text += " in row " + std::to_string(row + 1) + ", asked for " + wanted;
        if (c.type == cell_type::null) text += "; ask for std::optional<" + wanted + ">";
        throw bad_rows(text);
    }

    void check_count(std::size_t wanted) const {
        if (columns() == wanted) return;
        std::string text = "the result has " + std::to_string(columns()) + " columns";
        for (std::size_t i = 0; i < columns(); ++i) text += (i == 0 ? " (" : ", ") + (*names_)[i];
        throw bad_rows(text + (columns() == 0 ? "" : ")") + ", asked for " + std::to_string(wanted));
    }

    detail::column_names names_{};  // none: no columns
    std::vector<detail::cell> cells_;
    std::vector<char> bytes_;  // not a string: its short form would move with the object
    kedge::affected affected_{};
};

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
            return value_type(detail::column_as<Ts>::get(from_->bytes_.data(), from_->at(row_, Columns))...);
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

}  // namespace kedge
