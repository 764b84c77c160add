// SPDX-License-Identifier: BSL-1.0
// What every database promises, kept by PostgreSQL.
#include "../database/contract.hpp"
#include "server.hpp"

#include <kedge/postgres/client.hpp>
#include <kedge/postgres/connection.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace {

struct promising_server {
    using connection = kedge::postgres::connection;

    static constexpr std::string_view columns = "b bool, i bigint, r float8, s text, y bytea, m timestamptz, u uuid";
    static constexpr kedge::sql_text endless = "select pg_sleep(100000)::text";
    /// The server's own limit is a little shorter than the deadline, so that it mostly comes first.
    static bool is_late(const kedge::error_code& ec) {
        return ec == kedge::postgres::errc::query_canceled || ec == kedge::errc::deadline_exceeded;
    }
    // Without statement_timeout, which follows each statement's own deadline.
    static constexpr kedge::sql_text state =
        "select 'setting ' || name || ' ' || setting from pg_settings"
        " where setting is distinct from reset_val and name <> 'statement_timeout'"
        " union all select 'channel ' || c from pg_listening_channels() c"
        " union all select 'temporary ' || relname from pg_class where relnamespace = pg_my_temp_schema()"
        " union all select 'lock ' || objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        " union all select 'cursor ' || name from pg_cursors where name <> ''"
        " union all select 'prepared ' || name from pg_prepared_statements where name not like 'kedge%'"
        " union all select 'user ' || current_user || ' ' || session_user order by 1";

    static inline const std::vector<std::string> dirt{
        "begin",
        "begin isolation level serializable read only",
        "savepoint mine",
        "create temp table left_over(i int)",
        "create temp view left_over as select 1",
        "select 1 as i into temp table left_over",
        "listen a",
        "select pg_advisory_lock(1)",
        "declare c cursor with hold for select 1",
        "prepare mine as select 1",
        "set role pg_monitor",
        "set work_mem = '1MB'",
        "select set_config('work_mem', '1MB', false)",
        "do $$ begin perform set_config('work_mem', '1MB', false); end $$",
        "set session characteristics as transaction read only",
        "set search_path = pg_catalog",
        "set DateStyle = 'German'",
        "set TimeZone = 'Asia/Tokyo'",
        "set bytea_output = 'escape'",
        "set application_name = 'other'",
    };

    promising_server() {
        drop();
        to.sql("create database promises owner clerk");
        to.sql("grant pg_monitor to clerk");  // else the role could not be set, and the transaction would fail by that
    }
    ~promising_server() {
        drop();
        to.sql("revoke pg_monitor from clerk");
    }
    promising_server(const promising_server&) = delete;
    promising_server& operator=(const promising_server&) = delete;

    std::string url() const {
        std::string of_shop = to.url("sslmode=require");
        return of_shop.replace(of_shop.rfind("/shop"), 5, "/promises");
    }

private:
    void drop() { to.sql("drop database if exists promises with (force)"); }
    test::postgres_server& to = test::postgres_server::shared();
};

}  // namespace

TEST_CASE("PostgreSQL keeps the promises of databases") { test::keep_promises<promising_server>(); }
