// SPDX-License-Identifier: BSL-1.0
//
// Prints the settings that hold in a folder, with where each comes from; secrets are masked. Ends with 1 if they cannot be used,
// with 2 if it is called wrongly.
//
//   check_config [--prefix VUE_APP_] [--strict] [FOLDER]

#include <kedge/config/documents.hpp>
#include <kedge/config/load.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace config = kedge::config;

int main(int count, char** arguments) {
    config::load_options options;
    bool has_folder = false;
    for (int i = 1; i < count; ++i) {
        const std::string_view word = arguments[i];
        if (word == "--strict") options.strict = true;
        else if (word == "--prefix" && i + 1 < count) options.prefix = arguments[++i];
        else if (!word.starts_with("-") && !std::exchange(has_folder, true)) options.folder = word;
        else return std::fprintf(stderr, "usage: check_config [--prefix VUE_APP_] [--strict] [FOLDER]\n"), 2;
    }
    try {
        const config::configuration c = config::load(options);
        std::fputs(config::effective_settings(c).c_str(), stdout);
        for (const std::string& note : c.notes) std::printf("note: %s\n", note.c_str());
    } catch (const std::exception& refused) {
        std::fprintf(stderr, "%s\n", refused.what());
        return 1;
    }
}
