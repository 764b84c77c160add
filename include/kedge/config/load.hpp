// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/environment.hpp>
#include <kedge/config/settings.hpp>
#include <kedge/detail/config.hpp>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::config {

/// What is wrong with one setting. Its texts can be printed: they have no secret and no control characters.
struct problem {
    std::string variable{};  ///< "KEDGE_PAYMENT_TIMEOUT"; empty: the line is none
    std::string given{};     ///< `***` of a secret; empty: nothing was given
    std::string why{};
    std::string accepted{};   ///< form and range; empty: `why` says it
    std::string otherwise{};  ///< what holds when it is not set; empty: nothing does
    std::string source{};     ///< ".env:12", "environment", "code"
};

/// ".env:12: KEDGE_PAYMENT_TIMEOUT = 5 parsecs: not a duration; accepted: 1ms to 10m; default: 5s"
std::string to_string(const problem&);

/// All that is wrong at once; `what()` has a line for each, and for each note.
class bad_settings : public std::invalid_argument {
public:
    explicit bad_settings(std::vector<problem> problems, const std::vector<std::string>& notes = {});
    const std::vector<problem>& problems() const noexcept { return problems_; }

private:
    std::vector<problem> problems_;
};

struct load_options {
    std::string prefix = "KEDGE_";  ///< of all names; the system that kedge replaces has "VUE_APP_"

    environment code{};  ///< outranks all others; names without a prefix: `{.code = {{"PAYMENT_TIMEOUT", "7s"}}}`

    /// None: that of the process, read once when this is called.
    std::optional<environment> process{};

    /// Where `.env.local` and `.env` are, if they are. A folder that is not there is an error; empty: no file is read.
    std::filesystem::path folder = ".";

    /// A name that begins with the prefix and is no setting is an error, not a note. Of names with another prefix than `KEDGE_`,
    /// which other programs may have as well, only what is near a setting.
    bool strict = false;
};

/// What was loaded; does not change.
struct configuration {
    settings values{};
    std::vector<std::string> sources{};  ///< by row of @ref table: ".env:12", "environment", "code", "default", …
    std::vector<std::string> notes{};    ///< no errors, but worth a line in the log; each once, without secrets
    std::string prefix{};
};

/** Loads all settings: code outranks the process's environment, that `.env.local`, that `.env`, and that the default.
 *
 *  What is empty, or begins with `your_`, counts as not set. A secret may be in a file instead, whose name is in `NAME_FILE`; one
 *  line end at its end is cut off. Names of others count where no own one is set: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, …; the
 *  three AWS keys are all taken from the same source. Reads files on this thread: call it at the start.
 *
 *  @throws bad_settings  with all that is wrong: bad values and lines (of each file the first 20, and how many more), files that
 *          cannot be read, settings that contradict each other, and unknown names in `code` (with `strict` in all sources)
 *  @par Thread safety  From any thread, as far as nobody changes the process's environment.
 */
configuration load(const load_options& options = {});

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/checks.ipp>
#include <kedge/config/impl/load.ipp>
#include <kedge/config/impl/problem.ipp>
#endif
