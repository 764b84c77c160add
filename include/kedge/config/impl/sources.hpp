// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <fstream>
#include <functional>
#include <kedge/config/env_file.hpp>
#include <kedge/config/impl/shown.hpp>
#include <kedge/config/load.hpp>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace kedge::config::detail {

struct found_value {
    secret<std::string> value;
    std::string where;  ///< ".env:12"
};

/// The variables of one place, by their whole names.
using source = std::map<std::string, found_value, std::less<>>;

/// What a file says, or why that cannot be known.
struct file_text {
    secret<std::string> text{};
    const char* why_not = nullptr;
};

/// Only what is a file: a pipe could keep us waiting, and a device never ends.
inline file_text read_file(const std::filesystem::path& path) {
    constexpr std::uintmax_t most = 1 << 20;
    std::error_code ec;
    if (!std::filesystem::is_regular_file(path, ec)) return {{}, "there is no such file"};
    const auto size = std::filesystem::file_size(path, ec);
    if (ec || size > most) return {{}, ec ? "the file cannot be read" : "the file is larger than 1 MiB"};
    std::string text(static_cast<std::size_t>(size), '\0');
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) return {{}, "the file cannot be read"};
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return {secret<std::string>(std::move(text)), nullptr};
}

/// Of what should name the file of a secret. Whoever put the secret itself there by mistake does not find it in an error: what
/// is in no folder of a folder that exists is not shown.
inline std::string shown_path(const std::filesystem::path& path) {
    std::error_code ec;
    const std::filesystem::path folder = path.parent_path();
    return folder.has_relative_path() && std::filesystem::is_directory(folder, ec) ? printable(path.string())
                                                                                   : std::string(masked);
}

inline source source_of(const environment& variables, std::string_view prefix, const char* where) {
    source out;
    for (const auto& [name, value] : variables) out.emplace(std::string(prefix) + name, found_value{value, where});
    return out;
}

/// One of the two files of the folder; that it is not there is fine.
inline source source_of(const std::filesystem::path& folder, const std::string& name, std::vector<problem>& problems) {
    source out;
    std::error_code ec;
    const std::filesystem::path path = folder / name;
    if (folder.empty() || std::filesystem::status(path, ec).type() == std::filesystem::file_type::not_found) return out;
    const file_text file = read_file(path);
    if (file.why_not) {
        problems.push_back({.why = file.why_not, .source = name});
        return out;
    }
    env_file lines = parse_env(file.text.reveal());
    for (const env_problem& bad : lines.problems)
        problems.push_back({.why = bad.why, .source = name + ":" + std::to_string(bad.line) + ":" + std::to_string(bad.column)});
    for (env_entry& one : lines.entries) {
        const std::string where = name + ":" + std::to_string(one.line);
        const auto [at, is_new] = out.try_emplace(one.name, found_value{std::move(one.value), where});
        if (!is_new)
            problems.push_back({.variable = printable(one.name), .why = "set already by " + at->second.where, .source = where});
    }
    return out;
}

}  // namespace kedge::config::detail
