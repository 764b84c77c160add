// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge {

/// Fills a @ref rows; for adapters and for stand-ins in tests. Cells come row by row, from the left.
class rows_builder {
public:
    explicit rows_builder(std::vector<std::string> names = {})
        : rows_builder(std::make_shared<const std::vector<std::string>>(std::move(names))) {}
    explicit rows_builder(detail::column_names names) noexcept { result_.names_ = std::move(names); }

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
    void moment(timestamp value) { integer_cell(cell_type::moment, value.time_since_epoch().count()); }
    void id(const uuid& value) { bytes_cell(cell_type::id, reinterpret_cast<const char*>(value.data), sizeof value.data); }
    void integers(const integer_array& values) { array_cell(cell_type::integers, values); }
    void texts(const text_array& values) { array_cell(cell_type::texts, values); }

    void affected(std::int64_t rows) noexcept { result_.affected_.rows = rows; }

    /// What the rows so far take, for a bound on memory.
    std::size_t memory() const noexcept { return result_.cells_.size() * sizeof(detail::cell) + result_.bytes_.size(); }
    std::size_t size() const noexcept { return result_.size(); }

    rows take() && noexcept { return std::move(result_); }

private:
    void integer_cell(cell_type type, std::int64_t value) {
        detail::cell& c = result_.cells_.emplace_back();
        c.type = type;
        c.integer = value;
    }
    template <class Array> void array_cell(cell_type type, const Array& values) {
        const std::size_t begin = result_.bytes_.size();
        detail::array_writer elements(result_.bytes_);
        for (const auto& one : values) elements.element(one);
        detail::cell& c = result_.cells_.emplace_back();
        c.type = type;
        c.length = static_cast<std::uint32_t>(result_.bytes_.size() - begin);
        c.offset = begin;
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
