// SPDX-License-Identifier: BSL-1.0
//
// The deployment of 2025-10-26T15:26:46, played on a virtual clock with kedge's real defaults: first as it failed, then
// survived. Minutes of it take milliseconds, and equal seeds give equal runs. Each scenario has a file of its own here;
// real/ plays the same six with sockets, TLS and a database.
//
//   incident [--seed N] [--log python|json]
//
// The clients and the log are made of what is configured: KEDGE_* variables, .env.local and .env. Exit status 1 if any
// number did not come out as told, 2 if the settings cannot be used.

#include "program.hpp"
#include "story.hpp"

#include <kedge/config/sinks.hpp>

#include <cstdio>

namespace config = kedge::config;

int main(int argc, char** argv) {
    const auto wanted = incident::parse(argc, argv);
    if (!wanted) return 2;
    const config::configuration& c = wanted->configuration;
    const char* const records =
        c.values.log.format == config::log_format::python ? "Lines from [ERROR] to ConnectionError" : "Lines in braces";
    std::printf("%s\n"
                "The deployment of 2025-10-26T15:26:46 on a virtual clock, with the real defaults. Seed %llu.\n"
                "%s are kedge's log, byte for byte; the rest is this program talking.\n%s",
                incident::versions().c_str(), static_cast<unsigned long long>(wanted->seed), records,
                incident::own_settings(c).c_str());

    const auto log = config::log_sink(c, nullptr, stdout);
    config::write_notes(c, *log);
    incident::story story(wanted->seed, c.values, log);
    incident::silent_payment_service(story);
    incident::exhausted_pool(story);
    incident::reset_connections(story);
    incident::three_of_ten(story);
    incident::database_restart(story);
    incident::lost_reply(story);

    std::printf("\n%s\n", story.all_as_told() ? "All six came out as told. Every number above is checked."
                                               : "Not everything came out as told: see above.");
    return story.all_as_told() ? 0 : 1;
}
