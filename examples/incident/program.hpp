// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/python_format.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace incident {

/// What the replay and the real run are told on their command lines.
struct options {
    std::uint64_t seed = 1;
    kedge::log::formatter format = kedge::log::python_format;
    bool only_virtual = false;
    std::string database{};  ///< URL of a PostgreSQL for the real run
};

/// Empty, after a line about the usage, if the arguments make no sense.
std::optional<options> parse(int argc, char** argv);

/// One thing to tell, behind `head` in a column of that width: what does not fit on a line goes on, at a semicolon, below.
std::string told(std::string head, std::size_t width, std::string text);

/// "kedge 0.1.0 · GCC 12.2 · Boost 1.81"
std::string versions();

}  // namespace incident
