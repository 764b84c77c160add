// SPDX-License-Identifier: BSL-1.0
// Prepared statements by their texts, and the time limit of a statement on the server.
#include "session.hpp"

#include <kedge/postgres/impl/statements.hpp>
#include <kedge/runtime.hpp>

#include <chrono>
#include <string>

using namespace kedge;
using namespace std::chrono_literals;
using test::opened;

namespace {

/// Not prepared itself, since it is never the same text.
int prepared(test::session& c) {
    static int looks = 0;
    const std::string text = "select count(*)::int from pg_prepared_statements where statement not like '%/*look*/%'";
    return c.value<int>(dynamic_sql(text + " /*look*/ -- " + std::to_string(++looks)));
}

dynamic_sql numbered(int i) { return dynamic_sql("select " + std::to_string(i)); }

std::string limit_in_force(test::session& c, time_point deadline) {
    return c.value<std::string>("select setting from pg_settings where name = 'statement_timeout'", {}, deadline);
}

}  // namespace

TEST_CASE("the cache forgets what was not used for longest, and says what to deallocate") {
    postgres::detail::statements cache;
    cache.use("first").prepared = true;
    const std::string name = cache.use("first").name;
    CHECK(cache.use("second").name != name);
    for (std::size_t i = 2; i < postgres::detail::statement_cache_size; ++i) cache.use(std::to_string(i)).prepared = true;
    CHECK(cache.use("first").name == name);
    CHECK_FALSE(cache.has_unwanted());
    cache.use("one more");  // "second" goes, which the server never had
    CHECK_FALSE(cache.has_unwanted());
    cache.use("another");
    CHECK(cache.take_unwanted().size() == 1);
    CHECK(cache.size() == postgres::detail::statement_cache_size);
    CHECK(cache.use("first").name == name);
}

TEST_CASE("a text is prepared once") {
    const auto c = opened();
    for (int i = 0; i < 5; ++i) CHECK(c->value<int>("select $1::int", params(i)) == i);
    CHECK(c->value<int>("select (generic_plans + custom_plans)::int from pg_prepared_statements"
                        " where statement = 'select $1::int'") == 5);
}

TEST_CASE("a session keeps as many prepared statements as the cache, not one more") {
    const auto c = opened();
    const int size = static_cast<int>(postgres::detail::statement_cache_size);
    for (int i = 0; i < 2 * size; ++i) REQUIRE(c->value<int>(numbered(i)) == i);
    CHECK(c->value<int>("select count(*)::int from pg_prepared_statements") == size);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("a statement that cannot be prepared leaves nothing behind") {
    const auto c = opened();
    const int before = prepared(*c);
    for (int i = 0; i < 100; ++i)
        CHECK(c->run(dynamic_sql("select * from nowhere" + std::to_string(i))).ec == postgres::errc::undefined_table);
    CHECK(prepared(*c) <= before + 1);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("a plan that no longer fits is made anew, once") {
    const auto c = opened();
    c->run("create temp table t(i int)");
    c->run("insert into t values (1)");
    CHECK(c->run("select * from t").result.columns() == 1);
    c->run("alter table t add column j int default 2");
    const auto again = c->run("select * from t");
    INFO(again.report.said.text());
    CHECK(again.ec == error_code());
    CHECK(again.result.columns() == 2);
}

TEST_CASE("inside a transaction a plan that no longer fits is a reason to repeat all of it") {
    const auto c = opened();
    c->run("create temp table t(i int)");
    CHECK(c->run("select * from t").ec == error_code());
    c->run("begin");
    c->run("alter table t add column j int");
    const auto refused = c->run("select * from t");
    CHECK(refused.ec == postgres::errc::plan_changed);
    CHECK(refused.report.said.code() == "0A000");
    CHECK(postgres::classify(refused.ec) == verdict{kind::neutral, replay::always});
    c->run("rollback");
    CHECK(c->run("select * from t").ec == error_code());
}

TEST_CASE("prepared statements that somebody deallocated are prepared again") {
    const auto c = opened();
    CHECK(c->value<int>("select 1") == 1);
    c->run("do $$ begin execute 'deallocate all'; end $$");
    CHECK(c->value<int>("select 1") == 1);
    c->run("deallocate all");
    CHECK(c->value<int>("select 1") == 1);
    c->run("begin");
    c->run("discard plans");
    c->run("deallocate all");
    CHECK(c->value<int>("select 1") == 1);
    CHECK(c->run("commit").ec == error_code());
}

TEST_CASE("without prepared statements none is made, and no setting of the session is touched") {
    const auto c = opened("prepared=off");
    for (int i = 0; i < 3; ++i) CHECK(c->value<int>("select $1::int", params(i)) == i);
    CHECK(c->value<int>("select count(*)::int from pg_prepared_statements") == 0);
    CHECK(limit_in_force(*c, now() + 10s) == "0");
    CHECK(c->run("select $1::int").ec == sql_errc::parameter_count);
    CHECK(c->run("select 1; select 2").ec == sql_errc::several_statements);
}

TEST_CASE("the server's time limit is a little below the deadline, and stays while it fits") {
    const auto c = opened();
    CHECK(limit_in_force(*c, never) == "0");
    const int first = std::stoi(limit_in_force(*c, now() + 10s));
    CHECK(first <= 9'500);
    CHECK(first >= 9'000);
    CHECK(std::stoi(limit_in_force(*c, now() + 10s)) == first);
    CHECK(std::stoi(limit_in_force(*c, now() + 20s)) > 18'000);
    CHECK(std::stoi(limit_in_force(*c, now() + 2s)) <= 1'900);
    CHECK(limit_in_force(*c, never) == "0");
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("the time limit holds inside a transaction and ends with it, rolled back or not") {
    const auto c = opened();
    c->run("begin", {}, now() + 100s);
    CHECK(std::stoi(limit_in_force(*c, now() + 10s)) <= 9'500);
    c->run("savepoint a", {}, now() + 10s);
    CHECK(std::stoi(limit_in_force(*c, now() + 2s)) <= 1'900);
    c->run("rollback to savepoint a", {}, now() + 2s);
    CHECK(std::stoi(limit_in_force(*c, now() + 2s)) <= 1'900);
    c->run("rollback", {}, now() + 10s);
    CHECK(std::stoi(limit_in_force(*c, now() + 10s)) <= 9'500);
    CHECK(std::stoi(limit_in_force(*c, now() + 2s)) <= 1'900);
    CHECK(std::stoi(limit_in_force(*c, now() + 100s)) > 90'000);
    CHECK(limit_in_force(*c, never) == "0");
}

TEST_CASE("a statement that is too slow is ended by the server") {
    const auto c = opened();
    const auto slow = c->run("select pg_sleep(60)", {}, now() + 200ms);
    CHECK(slow.ec == postgres::errc::query_canceled);
    CHECK(slow.ec == condition::timeout);
    CHECK((*c)->state() == reuse::clean);
    CHECK(c->value<int>("select 1") == 1);
}
