// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/record.hpp>

#include <array>
#include <cstddef>

namespace kedge::log::detail {

/// At most eight fields: fixed memory, so that a record can be made when there is none.
class field_list {
public:
    void add(std::string_view name, field_value value) noexcept {
        if (size_ < fields_.size()) fields_[size_++] = {name, value};
    }
    std::span<const field> view() const noexcept { return {fields_.data(), size_}; }

private:
    std::array<field, 8> fields_{};
    std::size_t size_ = 0;
};

}  // namespace kedge::log::detail
