// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <kedge/config/env_file.hpp>
#include <kedge/config/impl/read_file.hpp>
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

/// What is no folder has no files, and somebody meant some.
inline void check_folder(const std::filesystem::path& folder, std::vector<problem>& problems) {
    std::error_code ec;
    if (folder.empty() || std::filesystem::is_directory(folder, ec)) return;
    problems.push_back({.why = std::filesystem::exists(folder, ec) ? "this is no folder" : "there is no such folder",
                        .source = printable(folder.string())});
}

/// The lines that are none, but of a file that is something else altogether not all of them.
inline void tell_lines(const std::vector<env_problem>& bad, const std::string& name, std::vector<problem>& problems) {
    constexpr std::size_t most = 20;
    for (std::size_t i = 0; i < std::min(bad.size(), most); ++i)
        problems.push_back({.why = bad[i].why,
                            .source = name + ":" + std::to_string(bad[i].line) + ":" + std::to_string(bad[i].column)});
    if (bad.size() > most)
        problems.push_back({.why = std::to_string(bad.size() - most) + " more lines are none", .source = name});
}

/// One of the two files of the folder; that it is not there is fine. A link that leads nowhere is there.
inline source source_of(const std::filesystem::path& folder, const std::string& name, std::vector<problem>& problems) {
    source out;
    std::error_code ec;
    const std::filesystem::path path = folder / name;
    if (folder.empty() || std::filesystem::symlink_status(path, ec).type() == std::filesystem::file_type::not_found) return out;
    const file_text file = read_file(path);
    if (file.why_not) {
        problems.push_back({.why = file.why_not, .source = name});
        return out;
    }
    env_file lines = parse_env(file.text.reveal());
    tell_lines(lines.problems, name, problems);
    for (env_entry& one : lines.entries) {
        const std::string where = name + ":" + std::to_string(one.line);
        const auto [at, is_new] = out.try_emplace(one.name, found_value{std::move(one.value), where});
        if (!is_new)
            problems.push_back({.variable = printable(one.name), .why = "set already by " + at->second.where, .source = where});
    }
    return out;
}

}  // namespace kedge::config::detail
