// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

namespace kedge::config::detail {

/// What a file says, or why that cannot be known.
struct file_text {
    secret<std::string> text{};
    const char* why_not = nullptr;
    bool is_missing = false;  ///< the reason is that there is none
};

/// Only what is a file: a pipe could keep us waiting, and a device never ends.
inline file_text read_file(const std::filesystem::path& path) {
    constexpr std::uintmax_t most = 1 << 20;
    std::error_code ec;
    const auto type = std::filesystem::status(path, ec).type();
    if (type == std::filesystem::file_type::not_found) return {{}, "there is no such file", true};
    if (type == std::filesystem::file_type::none) return {{}, "the file cannot be read"};
    if (type != std::filesystem::file_type::regular) return {{}, "not a regular file"};
    const auto size = std::filesystem::file_size(path, ec);
    if (ec || size > most) return {{}, ec ? "the file cannot be read" : "the file is larger than 1 MiB"};
    std::string text(static_cast<std::size_t>(size), '\0');
    std::ifstream file;
    file.rdbuf()->pubsetbuf(nullptr, 0);  // it would keep a copy
    file.open(path, std::ios::binary);
    if (!file.is_open()) return {{}, "the file cannot be read"};
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return {secret<std::string>(std::move(text)), nullptr};
}

}  // namespace kedge::config::detail
