// SPDX-License-Identifier: BSL-1.0
//
// The deployment of 2025-10-26T15:26:46, played on a virtual clock with kedge's real defaults: first as it failed, then
// survived. Minutes of it take milliseconds, and equal seeds give equal runs. Each scenario has a file of its own here;
// real/ plays the same six with sockets, TLS and a database.
//
//   incident [--seed N] [--log python|json]
//
// Exit status 1 if any number did not come out as told.

#include "program.hpp"
#include "story.hpp"

#include <kedge/log/console_sink.hpp>

#include <cstdio>
#include <memory>

int main(int argc, char** argv) {
    const auto wanted = incident::parse(argc, argv);
    if (!wanted) return 2;
    const char* const records =
        wanted->format == kedge::log::python_format ? "Lines from [ERROR] to ConnectionError" : "Lines in braces";
    std::printf("%s\n"
                "The deployment of 2025-10-26T15:26:46 on a virtual clock, with the real defaults. Seed %llu.\n"
                "%s are kedge's log, byte for byte; the rest is this program talking.\n",
                incident::versions().c_str(), static_cast<unsigned long long>(wanted->seed), records);

    incident::story story(wanted->seed, std::make_shared<kedge::log::console_sink>(stdout, wanted->format));
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
