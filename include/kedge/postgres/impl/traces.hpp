// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

// What a statement may leave behind in its session, told by its words.

namespace kedge::postgres::detail {

/// What a statement may leave in its session for the next borrower.
struct traces {
    bool session = false;    ///< settings, LISTEN, temporary tables, advisory locks, cursors, or code that may do all that
    bool prepared = false;   ///< prepared statements, or none any more
    bool time_limit = false; ///< `statement_timeout` may be another
    bool read_only = false;  ///< the caller has forbidden himself to write
    bool commits = false;    ///< it asks for a COMMIT, or for the first half of one

    traces& operator|=(const traces& other) noexcept {
        session |= other.session, prepared |= other.prepared;
        time_limit |= other.time_limit, read_only |= other.read_only;
        return *this;
    }
};

/// The words of a statement in small letters, comments left out. Words within quotes count, too: to find too much costs a round
/// trip, to find too little leaves something behind.
class word_reader {
public:
    explicit word_reader(std::string_view text) noexcept : rest_(text) {}

    /// Empty at the end.
    std::string next() {
        skip();
        std::string word;
        while (!rest_.empty() && is_word(rest_.front())) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(rest_.front())));
            rest_.remove_prefix(1);
        }
        return word;
    }

private:
    static bool is_word(char c) noexcept {
        const auto byte = static_cast<unsigned char>(c);
        return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
    }

    void skip() noexcept {
        while (!rest_.empty() && !is_word(rest_.front())) {
            if (rest_.starts_with("--")) rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
            else if (rest_.starts_with("/*")) skip_comment();
            else rest_.remove_prefix(1);
        }
    }

    void skip_comment() noexcept {
        int depth = 0;  // they nest
        do {
            const bool opens = rest_.starts_with("/*"), closes = rest_.starts_with("*/");
            depth += opens ? 1 : closes ? -1 : 0;
            rest_.remove_prefix(std::min<std::size_t>(opens || closes ? 2 : 1, rest_.size()));
        } while (depth > 0 && !rest_.empty());
    }

    std::string_view rest_;
};

inline bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) noexcept {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/** Looks at the words of `text`:
 *  @li the first: SET (but not SET LOCAL, TRANSACTION, CONSTRAINTS), RESET, LISTEN, UNLISTEN, PREPARE, DEALLOCATE, DECLARE,
 *      DISCARD, LOAD, and DO and CALL, whose code may do anything
 *  @li anywhere: TEMP, TEMPORARY, PG_TEMP, `set_config`, `pg_advisory_lock`, `pg_try_advisory_lock` and what begins so
 *
 *  What a function does that a statement calls is not seen.
 */
inline traces traces_of(std::string_view text) {
    traces found;
    word_reader words(text);
    const std::string first = words.next();
    std::string word = words.next();
    const bool of_transaction = is_one_of(word, {"local", "transaction", "constraints"});
    found.session = (first == "set" && !of_transaction) ||
                    is_one_of(first, {"reset", "listen", "unlisten", "declare", "discard", "load", "do", "call"});
    found.prepared = is_one_of(first, {"prepare", "deallocate", "discard", "do", "call"}) && word != "transaction";
    found.commits = is_one_of(first, {"commit", "end"}) || (first == "prepare" && word == "transaction");
    found.time_limit = is_one_of(first, {"set", "reset", "discard", "do", "call"});
    for (std::string before; !word.empty(); before = std::move(word), word = words.next()) {
        if (is_one_of(word, {"temp", "temporary", "pg_temp", "set_config"}) || word.starts_with("pg_advisory_lock") ||
            word.starts_with("pg_try_advisory_lock"))
            found.session = true;
        if (word == "set_config") found.time_limit = true;
        if (word.ends_with("transaction_read_only") || (word == "only" && before == "read")) found.read_only = true;
    }
    return found;
}

/// Leaves a session as it was after connecting, as DISCARD ALL does, but for the prepared statements. Each is one statement.
inline constexpr std::array cleaning{"close all", "set session authorization default", "reset all", "unlisten *",
                                     "select pg_catalog.pg_advisory_unlock_all()", "discard temp", "discard sequences"};

}  // namespace kedge::postgres::detail
