// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/connection_concept.hpp>

#include <optional>
#include <string_view>
#include <tuple>

// How to find out whether a transaction was committed whose COMMIT had no answer: PostgreSQL keeps the outcome of the last ones.

namespace kedge::postgres {

/// Inside the transaction, before COMMIT: its number as text; NULL while it has not written anything, and then there is
/// nothing to commit.
inline constexpr sql_text transaction_id = "select pg_catalog.pg_current_xact_id_if_assigned()::text";

/// On another connection: "committed", "aborted", "in progress" (ask again: it may still commit), or NULL, too long ago to know.
/// The parameter is what @ref transaction_id said.
inline constexpr sql_text transaction_status = "select pg_catalog.pg_xact_status($1::pg_catalog.xid8)";

/// What the server answered to @ref transaction_status.
inline commit_fate fate_of_commit(const rows& answer) {
    const auto said = std::get<0>(answer.as<std::optional<std::string_view>>().front());
    if (said == "committed") return commit_fate::committed;
    if (said == "aborted") return commit_fate::rolled_back;
    return said ? commit_fate::under_way : commit_fate::forgotten;
}

}  // namespace kedge::postgres
