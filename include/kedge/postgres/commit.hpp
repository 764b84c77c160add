// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/connection_concept.hpp>

#include <optional>
#include <string_view>
#include <tuple>

// How to find out whether a transaction was committed whose COMMIT had no answer: PostgreSQL keeps the outcome of the last ones.

namespace kedge::postgres {

/** Inside the transaction, before COMMIT: its number as text; NULL while it has not written anything, and then there is
 *  nothing to commit.
 *
 *  The number alone is no name. A server that crashes, or a standby that is promoted, has not heard of numbers that nothing
 *  durable mentions, and gives them away again: the fate of another transaction would be taken for this one's. So the time from
 *  which the server counts its statistics stands beside it; a crash begins a new count.
 */
inline constexpr sql_text transaction_id =
    "select pg_catalog.pg_current_xact_id_if_assigned()::text || '/' || coalesce(extract(epoch from stats_reset)::text, '')"
    " from pg_catalog.pg_stat_bgwriter";

/** On another connection: "committed", "aborted", "in progress" (ask again: it may still commit), or NULL, nobody knows: too long
 *  ago, a standby, or committed under that number since the server lost its memory. The parameter is what @ref transaction_id
 *  said.
 */
inline constexpr sql_text transaction_status =
    "select case when pg_catalog.pg_is_in_recovery() then null"
    " when coalesce(extract(epoch from stats_reset)::text, '') = split_part($1, '/', 2)"
    " then pg_catalog.pg_xact_status(split_part($1, '/', 1)::pg_catalog.xid8)"
    " when split_part($1, '/', 1)::pg_catalog.xid8 >= pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())"
    " then 'in progress'"
    " else nullif(pg_catalog.pg_xact_status(split_part($1, '/', 1)::pg_catalog.xid8), 'committed') end"
    " from pg_catalog.pg_stat_bgwriter";

/// What the server answered to @ref transaction_status.
inline commit_fate fate_of_commit(const rows& answer) {
    const auto said = std::get<0>(answer.as<std::optional<std::string_view>>().front());
    if (said == "committed") return commit_fate::committed;
    if (said == "aborted") return commit_fate::rolled_back;
    return said ? commit_fate::under_way : commit_fate::forgotten;
}

}  // namespace kedge::postgres
