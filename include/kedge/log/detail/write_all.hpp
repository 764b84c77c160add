// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <string_view>

#include <unistd.h>

namespace kedge::log::detail {

/// False: `errno` says why, and a part of it may have been written.
/// @param write  as `::write`
template <class Write> bool write_all_by(Write write, int file, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t size = write(file, text.data(), text.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

inline bool write_all(int file, std::string_view text) noexcept { return write_all_by(::write, file, text); }

}  // namespace kedge::log::detail
