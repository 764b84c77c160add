// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/secret.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::config {

struct env_entry {
    std::string name;
    secret<std::string> value;  ///< nobody knows yet whether it is one
    int line = 0;               ///< from 1
};

struct env_problem {
    int line = 0, column = 0;  ///< from 1, in bytes
    std::string why;           ///< repeats nothing of the file
};

struct env_file {
    std::vector<env_entry> entries;
    std::vector<env_problem> problems;  ///< of each line that is none; the other lines are read all the same
};

/** Reads the text of a `.env` file.
 *
 *  @code
 *  # a comment
 *  NAME=value             # a comment needs a space before its #
 *  export NAME=value      # the same
 *  NAME='$as it stands'   # in single quotes all is literal
 *  NAME="a\nb"            # in double quotes \n \r \t \\ \" \' \$ are escapes, and no others exist
 *  @endcode
 *  Names are letters, digits and `_`. A value without quotes ends at the end of its line or before a comment, without the
 *  spaces around it. Values in quotes may go over several lines. Nothing is put in for `$NAME`. Lines may end with CR LF, and
 *  the file may begin with a byte order mark. A name may stand twice: both entries are given.
 */
env_file parse_env(std::string_view text);

/// The line that @ref parse_env reads as that value, in quotes only where it needs them. `value` has no NUL.
std::string env_line(std::string_view name, std::string_view value);

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/env_file.ipp>
#endif
