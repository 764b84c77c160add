// SPDX-License-Identifier: BSL-1.0
//
// The deployment of 2025-10-26T15:26:46, played on a virtual clock with kedge's real defaults: first as it failed, then
// survived. Seconds and minutes of it take milliseconds; equal seeds give equal runs.
//
//   incident [--seed N] [--log python|json]
//
// Exit status 1 if any number did not come out as told.

#include "story.hpp"

#include <kedge/log/console_sink.hpp>
#include <kedge/log/json_format.hpp>
#include <kedge/log/python_format.hpp>
#include <kedge/version.hpp>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

struct options {
    std::uint64_t seed = 1;
    kedge::log::formatter format = kedge::log::python_format;
};

bool parse_log(std::string_view name, options& to) {
    if (name == "python") to.format = kedge::log::python_format;
    else if (name == "json") to.format = kedge::log::json_format;
    else return false;
    return true;
}

bool parse(int argc, char** argv, options& to) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--virtual") continue;
        if (i + 1 == argc) return false;
        const std::string_view value = argv[++i];
        if (option == "--seed") {
            const auto read = std::from_chars(value.data(), value.data() + value.size(), to.seed);
            if (read.ec != std::errc() || read.ptr != value.data() + value.size()) return false;
        } else if (option != "--log" || !parse_log(value, to)) {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    options wanted;
    if (!parse(argc, argv, wanted)) {
        std::fprintf(stderr, "usage: incident [--virtual] [--seed N] [--log python|json]\n");
        return 2;
    }
    std::printf("kedge %s\n"
                "The deployment of 2025-10-26T15:26:46 on a virtual clock, with the real defaults. Seed %llu.\n"
                "Lines from [ERROR] to ConnectionError are kedge's log, byte for byte; the rest is this program talking.\n",
                KEDGE_VERSION_STRING, static_cast<unsigned long long>(wanted.seed));

    kedge::log::console_sink log(stdout, wanted.format);
    incident::story story(wanted.seed, log);
    incident::silent_payment_service(story);
    incident::exhausted_pool(story);
    incident::reset_connections(story);
    incident::three_of_ten(story);
    incident::database_restart(story);

    std::printf("\n%s\n", story.all_as_told() ? "All five came out as told. Every number above is checked."
                                               : "Not everything came out as told: see above.");
    return story.all_as_told() ? 0 : 1;
}
