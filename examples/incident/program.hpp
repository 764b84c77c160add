// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/load.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace incident {

/// What the replay and the real run are told on their command lines.
struct options {
    std::uint64_t seed = 1;
    bool only_virtual = false;
    std::string database{};  ///< URL of a PostgreSQL for the real run; not the shop's own, since tables are dropped there
    int scenario = 0;        ///< of the real run, the only one to play; 0: all
    kedge::config::configuration configuration{};
};

/** Reads the command line, and loads the configuration, which `--log` outranks.
 *
 *  Empty, after a line about the usage or all that is wrong with the settings, if that cannot be used.
 */
std::optional<options> parse(int argc, char** argv);

/// What is set otherwise than by default, and from where; empty if nothing is.
std::string own_settings(const kedge::config::configuration&);

/// One thing to tell, behind `head` in a column of that width: what does not fit on a line goes on, at a semicolon, below.
std::string told(std::string head, std::size_t width, std::string text);

/// "kedge 0.1.0 · GCC 12.2 · Boost 1.81"
std::string versions();

}  // namespace incident
