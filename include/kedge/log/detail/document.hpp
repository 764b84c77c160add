// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/record.hpp>

#include <algorithm>
#include <string_view>

namespace kedge::log::detail {

/// Whether a record is an event that is one JSON object on one line, such as embedded metrics: inside another one, or cut in
/// pieces, it would mean nothing.
inline bool is_document(const record& what) noexcept {
    const std::string_view text = what.message;
    return what.formatted && text.starts_with('{') && text.ends_with('}') &&
           std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace kedge::log::detail
