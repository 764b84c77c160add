// SPDX-License-Identifier: BSL-1.0
// What a borrower leaves in a session, and what the next one finds.
#include "session.hpp"

#include <kedge/postgres/impl/traces.hpp>

#include <string>

using namespace kedge;
using test::opened;

namespace {

using postgres::detail::traces_of;

/// Everything that one session may find of another, as one line.
std::string leftovers(test::session& c) {
    return c.value<std::string>(
        "select concat_ws('|', (select count(*) from pg_listening_channels()), current_setting('work_mem'),"
        " (select count(*) from pg_class where relpersistence = 't' and relkind = 'r'),"
        " (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),"
        " (select count(*) from pg_cursors where name <> ''), current_user, session_user,"
        " (select count(*) from pg_prepared_statements where name not like 'kedge%'), current_setting('DateStyle'),"
        " current_setting('statement_timeout'), current_setting('TimeZone'), current_setting('application_name'))");
}

}  // namespace

TEST_CASE("the words of a statement tell what it may leave behind") {
    for (const char* text :
         {"set work_mem = '1MB'", "SET work_mem = 1", "/* a /* b */ */ set x = 1", "-- c\n reset all", "listen a",
          "select set_config('a', 'b', false)", "create temp table t()", "create TEMPORARY view v as select 1",
          "select 1 into temp t", "select pg_advisory_lock(1)", "select pg_try_advisory_lock_shared(1)",
          "declare c cursor with hold for select 1", "load 'x'", "do $$ begin end $$", "call p()", "discard all",
          "create table pg_temp.t()"}) {
        CAPTURE(text);
        CHECK(traces_of(text).session);
    }
    for (const char* text :
         {"update t set a = 1", "set local work_mem = 1", "set transaction read only", "select 1", "insert into t values ($1)",
          "select pg_advisory_xact_lock(1)", "with a as (select 1) select * from a", "set constraints all deferred", "begin", "",
          "/*", "--", "select 'é'"}) {
        CAPTURE(text);
        CHECK_FALSE(traces_of(text).session);
    }
    CHECK(traces_of("prepare p as select 1").prepared);
    CHECK_FALSE(traces_of("prepare transaction 'x'").prepared);
    CHECK(traces_of("begin read only").read_only);
    CHECK(traces_of("set local statement_timeout = 1").time_limit);
}

TEST_CASE("a reset removes everything that a borrower left behind") {
    const auto c = opened();
    REQUIRE_FALSE(c->run("select 1").ec);
    const std::string clean = leftovers(*c);
    const auto leave = GENERATE(as<std::string>(), "set work_mem = '1MB'", "select set_config('work_mem', '1MB', false)",
                                "listen a", "create temp table t(i int)", "select 1 as i into temp table t",
                                "select pg_advisory_lock(1)", "declare c cursor with hold for select 1", "set role clerk",
                                "prepare mine as select 1", "set DateStyle = 'German'", "set statement_timeout = 77777",
                                "set TimeZone = 'Asia/Tokyo'", "set application_name = 'other'",
                                "do $$ begin perform set_config('work_mem', '1MB', false); end $$");
    CAPTURE(leave);
    const auto left = c->run(dynamic_sql(leave));
    INFO(left.report.said.text());
    REQUIRE_FALSE(left.ec);
    CHECK((*c)->state() == reuse::needs_reset);
    CHECK(c->reset() == error_code());
    CHECK((*c)->state() == reuse::clean);
    CHECK(leftovers(*c) == clean);
    CHECK(c->value<timestamp>("select '2026-01-02 00:00:00+00'::timestamptz") ==
          std::chrono::sys_days(std::chrono::year(2026) / 1 / 2));
}

TEST_CASE("a reset rolls back what is open or has failed, and keeps the prepared statements") {
    const auto c = opened();
    c->run("create temp table t(i int)");
    const int backend = c->backend();
    const bool fail = GENERATE(false, true);
    c->run("begin");
    CHECK((*c)->state() == reuse::needs_reset);
    c->run("insert into t values (1)");
    if (fail) CHECK(c->run("select 1 / 0").ec == postgres::errc::division_by_zero);
    CHECK(c->reset() == error_code());
    CHECK((*c)->state() == reuse::clean);
    CHECK(c->run("select * from t").ec == postgres::errc::undefined_table);
    CHECK(c->backend() == backend);
    CHECK(c->value<int>("select count(*)::int from pg_prepared_statements where statement = 'select pg_backend_pid()'") == 1);
}

TEST_CASE("what ends with its transaction needs no reset") {
    const auto c = opened();
    for (const char* text : {"begin", "set local work_mem = '1MB'", "select pg_advisory_xact_lock(1)", "commit",
                             "vacuum pg_class", "begin read only", "rollback"})
        REQUIRE_FALSE(c->run(dynamic_sql(text)).ec);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("reset=always cleans what no word gives away") {
    const auto c = opened("reset=always");
    test::postgres_server::shared().sql("create or replace function quietly() returns void language sql as "
                                        "$$ select set_config('work_mem', '1MB', false) $$");
    c->run("select quietly()");
    CHECK((*c)->state() == reuse::needs_reset);
    CHECK(c->reset() == error_code());
    CHECK(c->value<std::string>("show work_mem") == "4MB");
}

TEST_CASE("a notification that comes to a session at rest is no last word") {
    const auto c = opened();
    c->run("listen a");
    test::postgres_server::shared().sql("notify a");
    REQUIRE(test::wait_until(c->io, [&] { return !(*c)->is_dead(); }));
    CHECK(c->value<int>("select 1") == 1);
    CHECK(c->reset() == error_code());
}

TEST_CASE("a warning is no goodbye, whatever its SQLSTATE") {
    const auto c = opened();
    CHECK(c->run("do $$ begin raise warning 'so so' using errcode = '58000'; end $$").ec == error_code());
    CHECK(c->reset() == error_code());
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("a session that the server has ended is found dead without a round trip") {
    const auto c = opened();
    CHECK_FALSE((*c)->is_dead());
    test::postgres_server::shared().terminate(c->backend());
    CHECK(test::wait_until(c->io, [&] { return (*c)->is_dead(); }));
    CHECK((*c)->state() == reuse::broken);
    const auto got = c->run("select 1");
    CHECK(got.ec);
    CHECK(postgres::fate_of(got.ec) == postgres::fate::evict);
}

TEST_CASE("a session that the server has ended, and nobody looked: certainly not executed") {
    const auto c = opened();
    auto& server = test::postgres_server::shared();
    const int backend = c->backend();
    server.terminate(backend);
    const std::string alive = "select count(*) from pg_stat_activity where pid = " + std::to_string(backend);
    REQUIRE(test::wait_until([&] { return server.count(alive) == 0; }));
    const auto got = c->run("select 1", {}, GENERATE(never, now() + std::chrono::seconds(60)));  // with a limit before it, too
    CHECK(got.ec == postgres::errc::admin_shutdown);
    CHECK(postgres::classify(got.ec) == verdict{kind::failure, replay::always});
    CHECK(postgres::condemns(got.ec));
    CHECK((*c)->state() == reuse::broken);
}

TEST_CASE("a ping executes nothing, and knows when nobody is there") {
    const auto c = opened();
    CHECK(c->ping() == error_code());
    CHECK((*c)->state() == reuse::clean);
    test::postgres_server::shared().terminate(c->backend());
    CHECK(c->ping());
    CHECK((*c)->state() == reuse::broken);
}
