// SPDX-License-Identifier: BSL-1.0
// Whatever one borrower did, and however his use ended, the next one finds a session as it is after connecting.
#include "transactions.hpp"

#include <kedge/connection_pool.hpp>

#include <sstream>
#include <string>
#include <vector>

using namespace test;
namespace asio = boost::asio;

namespace {

/// What a statement can leave behind.
const std::vector<std::string> dirt{
    "set search_path = pg_catalog",
    "set time zone 'Asia/Kabul'",
    "set statement_timeout = 12345",
    "set session characteristics as transaction read only",
    "set role deputy",
    "select set_config('work_mem', '9MB', false)",
    "create temp table if not exists left_over(n int)",
    "listen left_over",
    "select pg_advisory_lock(4711)",
    "select pg_try_advisory_lock_shared(4712)",
    "prepare left_over as select 1",
    "do $$ begin execute 'set enable_seqscan = off'; end $$",
    "begin",
};

/// One line for each thing that could be left, so that a difference names it.
std::string state_of(asio::io_context& io, client& db) {
    constexpr const char* query =
        "select 'transaction open: ' || (now() <> statement_timestamp())::text"
        " union all select 'user: ' || current_user || ' of ' || session_user"
        " union all select name || ' = ' || setting from pg_settings where name <> 'statement_timeout' and "
        "name not like 'plpgsql.%'"  // they appear with the first code in that language
        " union all select 'temporary: ' || relname from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r'"
        " union all select 'listens to ' || c from pg_listening_channels() c"
        " union all select 'advisory lock ' || objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        " union all select 'cursor ' || name from pg_cursors where name <> ''"
        " union all select 'prepared: ' || name from pg_prepared_statements where name !~ '^kedge'"
        " order by 1";
    const asked_ptr call = must(io, db, kedge::dynamic_sql(query), {}, within(5s));
    std::string all;
    for (const auto& [line] : call->got.as<std::string_view>()) (all += line) += '\n';
    return all;
}

/// What is in `now` and not in `before`, and the other way round.
std::string difference(const std::string& before, const std::string& now) {
    const auto lacks = [](const std::string& all, const std::string& one) {
        return ('\n' + all).find('\n' + one + '\n') == std::string::npos;
    };
    std::string found, line;
    for (std::istringstream in(now); std::getline(in, line);)
        if (lacks(before, line)) found += "+ " + line + '\n';
    for (std::istringstream in(before); std::getline(in, line);)
        if (lacks(now, line)) found += "- " + line + '\n';
    return found;
}

struct household {
    explicit household(const std::string& parameters = "")
        : db(io, {.url = server.url("application_name=hygiene" + parameters), .max_connections = 1}) {
        server.sql("do $$ begin if not exists (select from pg_roles where rolname = 'deputy') then create role deputy; "
                   "grant deputy to clerk; end if; end $$");
        fresh = state_of(io, db);
    }
    ~household() { shut_down(io, db); }

    int active() {
        return server.count("select count(*) from pg_stat_activity where application_name = 'hygiene' and state <> 'idle'");
    }
    std::string left_behind() { return difference(fresh, state_of(io, db)); }
    /// The time limit of a statement is kedge's own business; it must not be the last borrower's.
    bool time_limit_is_ours() { return must(io, db, "show statement_timeout")->value<std::string>() != "12345ms"; }

    postgres_server& server = postgres_server::shared();
    asio::io_context io;
    client db;
    std::string fresh;
};

}  // namespace

TEST_CASE("after a statement the next borrower finds nothing of it") {
    household h;
    for (const std::string& text : dirt) {
        INFO(text);
        must(h.io, h.db, kedge::dynamic_sql(text), {}, within(5s));
        CHECK(h.left_behind() == "");
        CHECK(h.time_limit_is_ours());
    }
}

TEST_CASE("after a transaction, committed or given up, the next borrower finds nothing of it") {
    household h;
    for (const std::string& text : dirt) {
        INFO(text);
        const transacted_ptr committed = transact(h.io, h.db, statements({text}), {}, within(5s));
        INFO(committed->ec.message());
        CHECK(h.left_behind() == "");
        const body given_up = [&text](kedge::transaction& tx) -> asio::awaitable<void> {
            (void)co_await tx.async_query(kedge::dynamic_sql(text), kedge::params(), asio::use_awaitable);
            throw change_of_mind();
        };
        CHECK(transact(h.io, h.db, given_up, {}, within(5s))->changed_mind);
        CHECK(h.left_behind() == "");
        CHECK(h.time_limit_is_ours());
    }
    const body cursor = statements({"declare left_over cursor with hold for select 1"});
    CHECK_FALSE(transact(h.io, h.db, cursor, {}, within(5s))->ec);
    CHECK(h.left_behind() == "");
}

TEST_CASE("after a cancelled, late or failed use the next borrower finds nothing of it") {
    household h;
    for (const std::string& text : dirt) {
        for (const char* const last : {"select pg_sleep(20)", "select 1 / 0"}) {
            INFO(text << "; " << last);
            const bool sleeps = std::string_view(last).find("sleep") != std::string_view::npos;
            const transacted_ptr late = start_transaction(h.db, statements({text, last}), {}, within(sleeps ? 150ms : 5s));
            finish(h.io, late);
            CHECK(late->ec);
            CHECK(h.left_behind() == "");
            if (!sleeps) continue;
            const transacted_ptr cancelled = start_transaction(h.db, statements({text, last}), {}, within(5s));
            REQUIRE(wait_until(h.io, [&] { return h.active() == 1; }));
            cancelled->stop.emit(asio::cancellation_type::terminal);
            finish(h.io, cancelled);
            CHECK(cancelled->ec == asio::error::operation_aborted);
            CHECK(h.left_behind() == "");
            CHECK(h.time_limit_is_ours());
        }
    }
    CHECK(h.server.backends("hygiene") == 1);
}

TEST_CASE("what a function leaves without a word in the statement is found if the URL asks for it") {
    household h("&reset=always");
    h.server.sql("create or replace function sly() returns void language sql as "
                 "$$ select set_config('work_mem', '9MB', false), pg_advisory_lock(1) $$");
    must(h.io, h.db, "select sly()::text", {}, within(5s));
    CHECK(h.left_behind() == "");
}

TEST_CASE("a lease that ends while its statement still runs does not hand it to the next borrower") {
    postgres_server& server = postgres_server::shared();
    asio::io_context io;
    kedge::connection_pool<connection> pool(io, {.max = 1, .connect_timeout = 500ms},
                                            connection::connector_type(server.url("application_name=early")));
    for (int i = 0; i < 3; ++i) {
        kedge::lease<connection> held;
        const auto acquire = [&] {
            bool over = false;
            pool.async_acquire([&](error_code ec, kedge::lease<connection> one) {
                INFO(ec.message());
                REQUIRE_FALSE(ec);
                over = true, held = std::move(one);
            });
            REQUIRE(wait_until(io, [&] { return over; }));
        };
        acquire();
        const asked_ptr abandoned = start(*held, "select pg_sleep(20)::text");
        const auto busy = [&] {
            return server.count("select count(*) from pg_stat_activity where application_name = 'early' and state = 'active'");
        };
        if (i > 0) REQUIRE(wait_until(io, [&] { return busy() == 1; }));
        held = {};
        acquire();
        CHECK(wait_until([&] { return busy() == 0; }, 2s));  // what was closed is also cancelled
        const asked_ptr call = start(*held, "select $1::int", kedge::params(i));
        finish(io, call);
        INFO(call->ec.message());
        REQUIRE_FALSE(call->ec);
        CHECK(call->value<int>() == i);
        held.recycle();
        finish(io, abandoned);
        CHECK(abandoned->ec);
    }
    CHECK(wait_until([&] { return server.backends("early") == 1; }, 2s));
}

TEST_CASE("sessions keep no more prepared statements than kedge says") {
    household h;
    const auto prepared = [&] { return must(h.io, h.db, "select count(*) from pg_prepared_statements")->value<int>(); };
    int most = 0;
    for (int i = 0; i < 200; ++i) {
        must(h.io, h.db, kedge::dynamic_sql("select " + std::to_string(i) + " + $1::int"), kedge::params(1));
        if (i % 20 == 0) most = std::max(most, prepared());
    }
    CHECK(prepared() <= 64);
    CHECK(most <= 64);
    CHECK(most > 1);
}
