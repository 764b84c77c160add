// SPDX-License-Identifier: BSL-1.0
// What servers do to their clients, by a real one: backends end, it stops, crashes, recovers, and has too many clients.
#include "calls.hpp"
#include "proxy.hpp"

#include <algorithm>
#include <vector>

using namespace test;
namespace asio = boost::asio;

namespace {

/// Opens so many connections and leaves them idle. @return the backends' numbers
std::vector<int> fill(asio::io_context& io, client& db, int count) {
    std::vector<asked_ptr> calls;
    for (int i = 0; i < count; ++i)
        calls.push_back(start(db, "select pg_backend_pid(), pg_sleep(0.05)::text"));
    std::vector<int> pids;
    for (const asked_ptr& c : calls) {
        finish(io, c);
        REQUIRE_FALSE(c->ec);
        pids.push_back(std::get<0>(c->got.as<int, std::string>().front()));
    }
    std::ranges::sort(pids);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

struct dials {
    std::shared_ptr<std::atomic<int>> failed = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<bool>> opened = std::make_shared<std::atomic<bool>>(false);

    kedge::listener listener() const {
        return [failed = failed, opened = opened](const kedge::event& e) noexcept {
            if (std::holds_alternative<kedge::pool_dial_failed>(e)) ++*failed;
            if (const auto* b = std::get_if<kedge::breaker_changed>(&e); b && b->to == kedge::breaker_state::open) *opened = true;
        };
    }
};

}  // namespace

TEST_CASE("backends that end while idle never surface in a read that may be repeated") {
    postgres_server& server = postgres_server::shared();
    asio::io_context io;
    client db(io, {.url = server.url("application_name=idle"), .max_connections = 3});
    REQUIRE(fill(io, db, 3).size() >= 2);
    REQUIRE(wait_until([&] {  // also one whose connection came too late to serve a call
        server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'idle'");
        return server.backends("idle") == 0;
    }));
    for (int i = 0; i < 3; ++i) CHECK(must(io, db, "select $1::int", kedge::params(i), repeatable())->value<int>() == i);
    shut_down(io, db);
}

TEST_CASE("a backend that has ended a moment ago is an error to who may not be repeated, with the server's words if they came") {
    postgres_server& server = postgres_server::shared();
    asio::io_context io;
    client db(io, {.url = server.url("application_name=moment"), .max_connections = 1});
    server.terminate(must(io, db, "select pg_backend_pid()")->value<int>());
    REQUIRE(wait_until([&] { return server.backends("moment") == 0; }));
    const asked_ptr call = ask(io, db, "select 1", {}, once());
    const bool told = call->ec == pg::errc::admin_shutdown;
    if (told) CHECK(&call->ec.category() == &pg::category());
    else CHECK(call->ec == asio::error::eof);
    shut_down(io, db);
}

TEST_CASE("a backend that ends in a query: who may not be repeated hears 57P01, who may does not") {
    postgres_server& server = postgres_server::shared();
    server.sql("drop table if exists gate; create table gate(seconds float); insert into gate values (30); "
               "grant select on gate to clerk");
    asio::io_context io;
    client db(io, {.url = server.url("application_name=active"), .max_connections = 1});
    const auto asleep = [&] {
        return server.count("select count(*) from pg_stat_activity where application_name = 'active' and state = 'active' and "
                            "query like '%pg_sleep%'") == 1;
    };
    const auto terminate = [&] {
        server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'active'");
    };
    const asked_ptr lost = start(db, "select pg_sleep(seconds)::text from gate", {}, once());
    REQUIRE(wait_until(io, asleep));
    terminate();
    finish(io, lost);
    CHECK(lost->ec == pg::errc::admin_shutdown);
    CHECK(lost->report.said.code() == "57P01");

    const asked_ptr repeated = start(db, "select pg_sleep(seconds)::text from gate", {}, repeatable());
    REQUIRE(wait_until(io, asleep));
    server.sql("update gate set seconds = 0");
    terminate();
    finish(io, repeated);
    CHECK_FALSE(repeated->ec);
    CHECK(repeated->report.attempts == 2);
    shut_down(io, db);
}

TEST_CASE("when one backend crashes all end, and the pool fills again") {
    postgres_server& server = postgres_server::shared();
    asio::io_context io;
    client db(io, {.url = server.url("application_name=crash"), .max_connections = 4});
    const std::vector<int> pids = fill(io, db, 4);
    const asked_ptr victim = start(db, "select pg_sleep(30)::text", {}, once(10s));
    REQUIRE(wait_until(io, [&] {
        return server.count("select count(*) from pg_stat_activity where application_name = 'crash' and state = 'active'") == 1;
    }));
    server.kill(std::stoi(server.sql("select pid from pg_stat_activity where application_name = 'crash' and state = 'active'")));
    finish(io, victim);
    CHECK(victim->ec);
    CHECK(victim->took() < 9s);
    REQUIRE(wait_until([&] { return server.accepts(); }));
    const auto back = [&] { return !ask(io, db, "select 1", {}, repeatable(5s))->ec; };
    REQUIRE(wait_until(io, back));
    for (const int pid : fill(io, db, 4)) CHECK(std::ranges::count(pids, pid) == 0);
    shut_down(io, db);
}

TEST_CASE("a server that is stopped for two seconds: the breaker opens, callers fail fast, and all is well soon after") {
    postgres_server& server = postgres_server::shared();
    asio::io_context io;
    const dials seen;
    client db(io, {.url = server.url("application_name=stop"), .max_connections = 4, .on_event = seen.listener()});
    must(io, db, "select 1");
    server.stop();
    const kedge::time_point back_at = kedge::now() + 2s;
    int refused = 0;
    kedge::nanoseconds longest{0};
    while (kedge::now() < back_at) {
        const asked_ptr call = ask(io, db, "select 1", {}, within(1500ms));
        CHECK(call->ec);
        if (call->ec != kedge::errc::circuit_open) continue;
        ++refused;
        longest = std::max(longest, call->took());
        CHECK(call->report.retry_after > 0ns);
    }
    CHECK(*seen.opened);
    CHECK(refused > 10);
    CHECK(longest < 500ms);
    CHECK(*seen.failed <= 12);
    server.start();
    const auto back = [&] { return !ask(io, db, "select 1", {}, within(2s))->ec; };
    CHECK(wait_until(io, back));
    shut_down(io, db);
}

TEST_CASE("what keeps a client out is told at once and not tried again and again, and heals when it is mended") {
    postgres_server& server = postgres_server::shared();
    std::string user = "clerk:new", database = "shop", mend = "alter role clerk password 'new'";
    pg::errc said = pg::errc::invalid_password;
    SECTION("the password") {}
    SECTION("the database") {
        user = "clerk:pass%3Aword%2F%C3%A4", database = "annex", mend = "create database annex";
        said = pg::errc::no_such_database;
    }
    SECTION("the right to use it") {
        user = "clerk:pass%3Aword%2F%C3%A4", mend = "grant connect on database shop to public";
        server.sql("revoke connect on database shop from public, clerk");
        server.sql("alter database shop owner to postgres");
        said = pg::errc::insufficient_privilege;
    }
    fault_proxy proxy(server.port());
    asio::io_context io;
    const dials seen;
    const std::string where = "@localhost:" + std::to_string(proxy.port()) + "/" + database + "?sslmode=disable";
    client db(io, {.url = "postgresql://" + user + where,
                   .max_connections = 4,
                   .on_event = seen.listener()});
    const kedge::time_point end = kedge::now() + 1s;
    std::vector<asked_ptr> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(start(db, "select 1", {}, repeatable()));
    for (const asked_ptr& c : calls) {
        finish(io, c);
        CHECK(c->ec == said);
        CHECK(c->report.attempts == 1);
    }
    while (kedge::now() < end) CHECK(ask(io, db, "select 1", {}, repeatable())->ec);
    CHECK(db.snapshot().pool.down);
    CHECK(*seen.failed >= 1);
    CHECK(*seen.failed <= 2);
    CHECK(proxy.connections() <= 2);

    server.sql(mend);
    const auto back = [&] { return !ask(io, db, "select 1", {}, repeatable(2s))->ec; };
    CHECK(wait_until(io, back));
    shut_down(io, db);
    server.sql("alter database shop owner to clerk");
    server.sql("alter role clerk password '" + postgres_server::password() + "'");
    server.sql("drop database if exists annex");
}

TEST_CASE("a server in recovery is left in peace until it lets somebody in") {
    postgres_server& server = postgres_server::shared();
    server.stop();
    server.start_in_recovery();
    asio::io_context io;
    const dials seen;
    client db(io, {.url = server.url("application_name=recovery"), .max_connections = 4, .on_event = seen.listener()});
    std::vector<asked_ptr> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(start(db, "select 1", {}, repeatable(1500ms)));
    for (const asked_ptr& c : calls) {
        finish(io, c);
        CHECK(c->ec);
        CHECK(c->took() < 1500ms + 5s);
    }
    CHECK(db.snapshot().pool.last_connect_error == pg::errc::cannot_connect_now);
    CHECK(*seen.failed >= 1);
    CHECK(*seen.failed <= 12);
    server.restart();
    const auto back = [&] { return !ask(io, db, "select 1", {}, repeatable(2s))->ec; };
    CHECK(wait_until(io, back));
    shut_down(io, db);
}

TEST_CASE("a server that has too many clients is not hammered, and served from again when there is room") {
    postgres_server& server = postgres_server::shared();
    REQUIRE(wait_until([&] { return server.backends() == 0; }));
    std::vector<PGconn*> others;
    constexpr std::size_t room = postgres_server::max_connections - 3 - 1;  // three are superusers', and the fixture is here
    REQUIRE(wait_until([&] {  // what a backend of before had is free a little later than it is gone
        others.push_back(PQconnectdb(server.url("application_name=others").c_str()));
        if (PQstatus(others.back()) == CONNECTION_OK) return others.size() == room;
        PQfinish(others.back());
        others.pop_back();
        return false;
    }));

    asio::io_context io;
    const dials seen;
    client db(io, {.url = server.url("application_name=one_more"), .max_connections = 10, .on_event = seen.listener()});
    std::vector<asked_ptr> calls;
    for (int i = 0; i < 30; ++i) calls.push_back(start(db, "select 1", {}, repeatable(2s)));
    for (const asked_ptr& c : calls) {
        finish(io, c);
        CHECK(c->ec);
    }
    CHECK(db.snapshot().pool.last_connect_error == pg::errc::too_many_connections);
    CHECK(*seen.failed >= 1);
    CHECK(*seen.failed <= 12);
    for (PGconn* c : others) PQfinish(c);
    const auto back = [&] { return !ask(io, db, "select 1", {}, repeatable(2s))->ec; };
    CHECK(wait_until(io, back));
    shut_down(io, db);
}

TEST_CASE("who waits for a lock is released at his deadline, and so is the lock, before the connection is lent again") {
    postgres_server& server = postgres_server::shared();
    server.sql("drop table if exists counter; create table counter(n int); insert into counter values (0); "
               "grant all on counter to clerk");
    const stall_watch stalls;
    asio::io_context io;
    client db(io, {.url = server.url("application_name=lock"), .max_connections = 1});
    must(io, db, "select 1");
    PGconn* const holder = PQconnectdb(server.url("application_name=holder").c_str());
    PQclear(PQexec(holder, "begin"));
    PQclear(PQexec(holder, "update counter set n = n + 1"));

    const asked_ptr waits = start(db, "update counter set n = n + 10", {}, once(400ms));
    const asked_ptr next = start(db, "select count(*) from pg_stat_activity where application_name = 'lock' and "
                                     "wait_event_type = 'Lock'", {}, once(10s));
    finish(io, waits);
    CHECK(waits->ec);
    CHECK(waits->took() < 400ms + grace + stalls.longest());
    finish(io, next);
    INFO(next->ec.message());
    REQUIRE_FALSE(next->ec);
    CHECK(next->value<int>() == 0);
    PQclear(PQexec(holder, "commit"));
    PQfinish(holder);
    must(io, db, "update counter set n = n + 100", {}, within(5s));
    CHECK(server.count("select n from counter") == 101);
    shut_down(io, db);
}
