// SPDX-License-Identifier: BSL-1.0
// What every database promises, kept by SQLite.
#include "../database/contract.hpp"
#include "database_file.hpp"

#include <kedge/sqlite/client.hpp>

#include <string>
#include <vector>

namespace {

struct sqlite_server {
    using connection = kedge::sqlite::connection;

    static constexpr std::string_view columns = "b integer, i integer, r real, s text, y blob, m text, u text";
    static constexpr kedge::sql_text endless =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    static bool is_late(const kedge::error_code& ec) { return ec == kedge::errc::deadline_exceeded; }
    static constexpr kedge::sql_text state =
        "select 'temporary ' || name from temp.sqlite_master"
        " union all select 'attached ' || name from pragma_database_list where name not in ('main', 'temp')"
        " union all select 'foreign_keys ' || foreign_keys from pragma_foreign_keys"
        " union all select 'query_only ' || query_only from pragma_query_only"
        " union all select 'cache_size ' || cache_size from pragma_cache_size"
        " union all select 'synchronous ' || synchronous from pragma_synchronous"
        " union all select 'temp_store ' || temp_store from pragma_temp_store"
        " union all select 'busy_timeout ' || timeout from pragma_busy_timeout"
        " union all select 'recursive_triggers ' || recursive_triggers from pragma_recursive_triggers"
        " union all select 'journal_mode ' || journal_mode from pragma_journal_mode"
        " union all select 'locking_mode ' || locking_mode from pragma_locking_mode"
        " union all select 'max_page_count ' || max_page_count from pragma_max_page_count"
        " union all select 'case matters ' || ('a' not like 'A')";

    static inline const std::vector<std::string> dirt{
        "begin",
        "begin immediate",
        "savepoint mine",
        "create temp table left_over(i)",
        "create temp view left_over as select 1",
        "attach ':memory:' as other",
        "pragma foreign_keys = on",
        "pragma query_only = on",
        "pragma cache_size = 77",
        "pragma synchronous = off",
        "pragma temp_store = memory",
        "pragma busy_timeout = 77",
        "pragma recursive_triggers = on",
        "pragma journal_mode = delete",
        "pragma locking_mode = exclusive",
        "pragma max_page_count = 77",
        "pragma case_sensitive_like = on",
    };

    std::string url() const { return file.url(); }
    test::database_file file;
};

}  // namespace

TEST_CASE("SQLite keeps the promises of databases") { test::keep_promises<sqlite_server>(); }
