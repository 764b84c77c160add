// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/load.hpp>
#include <kedge/config/table.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace config_test {

using kedge::config::configuration;
using kedge::config::environment;
using kedge::config::load_options;

/// A folder for `.env` files, and a process's environment that is nobody's.
class folder {
public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "kedge-config-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    folder(const folder&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }

    std::string write(const std::string& name, std::string_view text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return (path_ / name).string();
    }
    load_options options(environment process = {}, environment code = {}) const {
        return {.code = std::move(code), .process = std::move(process), .folder = path_};
    }
    configuration load(environment process = {}, environment code = {}) const {
        return kedge::config::load(options(std::move(process), std::move(code)));
    }

private:
    std::filesystem::path path_;
};

inline std::string source_of(const configuration& c, std::string_view name) {
    return c.sources.at(static_cast<std::size_t>(kedge::config::find_row(name) - kedge::config::table().data()));
}

/// What is said of a load that must fail.
inline std::string refusal(const load_options& options) {
    try {
        kedge::config::load(options);
    } catch (const kedge::config::bad_settings& refused) {
        return refused.what();
    }
    return "accepted";
}

}  // namespace config_test
