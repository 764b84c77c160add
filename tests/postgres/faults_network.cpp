// SPDX-License-Identifier: BSL-1.0
// What networks do between a client and its server, and what too much and wrong data does.
#include "calls.hpp"
#include "proxy.hpp"

#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

using namespace test;
namespace asio = boost::asio;
using fault = fault_proxy::fault;

namespace {

struct bench {
    explicit bench(const std::string& parameters = "", int max = 4)
        : db(io, {.url = postgres_server::url_at(proxy.port(), parameters), .max_connections = max}) {}
    ~bench() { proxy.set(fault::none); }

    postgres_server& server = postgres_server::shared();
    stall_watch stalls;
    fault_proxy proxy{server.port()};
    asio::io_context io;
    client db;

    void check_in_time(const asked_ptr& call, kedge::nanoseconds limit) const {
        INFO(call->ec.message() << " after " << kedge::to_string(call->took()) << ", stalls of "
                                << kedge::to_string(stalls.longest()));
        CHECK(call->ec);
        CHECK(call->took() < limit + grace + stalls.longest());
    }
};

}  // namespace

TEST_CASE("a black hole in a query ends at the caller's deadline, and the next caller is served when it is gone") {
    bench b;
    for (const fault f : {fault::mute_replies, fault::mute_requests, fault::mute}) {
        INFO(static_cast<int>(f));
        must(b.io, b.db, "select 1", {}, repeatable());
        b.proxy.set(f);
        std::vector<asked_ptr> calls;
        for (int i = 0; i < 6; ++i) calls.push_back(start(b.db, "select 2", {}, i % 2 ? once(300ms) : repeatable(300ms)));
        for (const asked_ptr& c : calls) {
            finish(b.io, c);
            b.check_in_time(c, 300ms);
        }
        b.proxy.set(fault::none);
        REQUIRE(wait_until(b.io, [&] { return !ask(b.io, b.db, "select 3", {}, repeatable(2s))->ec; }));
    }
    shut_down(b.io, b.db);
}

TEST_CASE("a black hole while connecting ends at the caller's deadline") {
    for (const fault f : {fault::mute_replies, fault::mute_requests}) {
        bench b;
        b.proxy.set(f);
        const std::array limits{100ms, 300ms, 500ms};
        std::vector<asked_ptr> calls;
        for (const auto limit : limits) calls.push_back(start(b.db, "select 1", {}, repeatable(limit)));
        for (std::size_t i = 0; i < limits.size(); ++i) {
            finish(b.io, calls[i]);
            b.check_in_time(calls[i], limits[i]);
        }
        b.proxy.set(fault::none);
        REQUIRE(wait_until(b.io, [&] { return !ask(b.io, b.db, "select 3", {}, repeatable(2s))->ec; }));
        shut_down(b.io, b.db);
    }
}

TEST_CASE("a cancelled query whose cancel request disappears ends at once, and its connection never comes back") {
    bench b("", 1);
    const int pid = must(b.io, b.db, "select pg_backend_pid()")->value<int>();
    const asked_ptr call = start(b.db, "select pg_sleep(2)::text", {}, once());
    const auto sleeping = [&] {
        return b.server.count("select count(*) from pg_stat_activity where state = 'active' and "
                              "query like 'select pg_sleep(2)%'") == 1;
    };
    REQUIRE(wait_until(b.io, sleeping));
    b.proxy.set(fault::mute);
    const auto cancelled_at = kedge::now();
    call->stop.emit(asio::cancellation_type::terminal);
    finish(b.io, call);
    CHECK(call->ec == asio::error::operation_aborted);
    CHECK(call->ended - cancelled_at < grace + b.stalls.longest());
    b.proxy.set(fault::none);
    b.proxy.reset();
    REQUIRE(wait_until(b.io, [&] { return !ask(b.io, b.db, "select 3", {}, repeatable(2s))->ec; }));
    CHECK(must(b.io, b.db, "select pg_backend_pid()")->value<int>() != pid);
    shut_down(b.io, b.db);
}

TEST_CASE("a cancelled query whose end is never answered gives its place to another connection after two seconds") {
    bench b("sslmode=disable", 1);
    must(b.io, b.db, "select 1");
    b.proxy.lose_answer_to("select 2", fault_proxy::loss::silence);
    CHECK(ask(b.io, b.db, "select 2", {}, once(300ms))->ec);
    const asked_ptr next = ask(b.io, b.db, "select 3", {}, once(8s));
    INFO(next->ec.message());
    CHECK_FALSE(next->ec);
    CHECK(next->took() < 4s + b.stalls.longest());  // sooner than the pool gives up a reset
    shut_down(b.io, b.db);
}

TEST_CASE("one byte at a time, and a fifth of a second of latency, change nothing but the time") {
    bench b;
    b.proxy.set(fault::slices);
    for (int i = 0; i < 5; ++i) {
        const asked_ptr call = must(b.io, b.db, "select $1::int, repeat($2, 100), null::text",
                                    kedge::params(i, "ä"), repeatable());
        const auto [number, text, nothing] = call->got.as<int, std::string, std::optional<std::string>>().front();
        CHECK(number == i);
        CHECK(text.size() == 200);
        CHECK_FALSE(nothing);
    }
    b.proxy.set(fault::latency);
    CHECK(must(b.io, b.db, "select 4", {}, repeatable())->value<int>() == 4);
    const asked_ptr late = ask(b.io, b.db, "select 5", {}, once(250ms));
    b.check_in_time(late, 250ms);
    CHECK(must(b.io, b.db, "select 6", {}, repeatable())->value<int>() == 6);
    shut_down(b.io, b.db);
}

TEST_CASE("connections that are reset, or closed without an answer, are errors that a repeatable read survives") {
    bench b;
    for (int i = 0; i < 5; ++i) {
        must(b.io, b.db, "select 1", {}, repeatable());
        b.proxy.reset();
        CHECK(must(b.io, b.db, "select $1::int", kedge::params(i), repeatable())->value<int>() == i);
    }
    b.proxy.reset();
    b.proxy.set(fault::hang_up);
    const asked_ptr call = ask(b.io, b.db, "select 1", {}, repeatable(500ms));
    b.check_in_time(call, 500ms);
    b.proxy.set(fault::none);
    REQUIRE(wait_until(b.io, [&] { return !ask(b.io, b.db, "select 3", {}, repeatable(2s))->ec; }));
    shut_down(b.io, b.db);
}

TEST_CASE("an inverted byte under TLS is an error in time, never another row") {
    bench b("sslmode=verify-full&sslrootcert=" + postgres_server::shared().ca_file(), 1);
    for (const std::size_t byte : {0U, 1U, 3U, 4U, 5U, 12U, 30U, 50U, 70U}) {
        INFO(byte);
        REQUIRE(wait_until(b.io, [&] { return !ask(b.io, b.db, "select 1", {}, repeatable(2s))->ec; }));
        b.proxy.corrupt_reply(byte);
        const asked_ptr call = ask(b.io, b.db, "select $1::bigint", kedge::params(4711), once(300ms));
        if (call->ec) CHECK(call->took() < 300ms + grace + b.stalls.longest());
        else CHECK(call->value<std::int64_t>() == 4711);
    }
    shut_down(b.io, b.db);
}

TEST_CASE("an inverted byte without TLS may be any error, but nobody hangs or reads what is not there") {
    bench b("sslmode=disable", 1);
    for (std::size_t byte = 0; byte < 60; byte += 8) {
        INFO(byte);
        REQUIRE(wait_until(b.io, [&] { return !ask(b.io, b.db, "select 1", {}, repeatable(2s))->ec; }));
        b.proxy.corrupt_reply(byte);
        const asked_ptr call = ask(b.io, b.db, "select $1::text", kedge::params("token"), once(200ms));
        CHECK(call->took() < 200ms + grace + b.stalls.longest());
    }
    shut_down(b.io, b.db);
}

TEST_CASE("a row of 50 MB is read or refused, and a flood of notices is passed over") {
    bench b("", 1);
    const asked_ptr large = ask(b.io, b.db, "select repeat('x', 50 * 1024 * 1024)", {}, once(20s));
    INFO(large->ec.message());
    if (large->ec) CHECK(large->ec == kedge::sql_errc::result_too_large);
    else CHECK(large->value<std::string_view>().size() == 50UL * 1024 * 1024);
    CHECK(must(b.io, b.db, "select 1", {}, once())->value<int>() == 1);
    must(b.io, b.db, "do $$ begin for i in 1..20000 loop raise notice 'number % of many', i; end loop; end $$", {}, once());
    CHECK(must(b.io, b.db, "select 2", {}, once())->value<int>() == 2);
    shut_down(b.io, b.db);
}

TEST_CASE("NUL and invalid UTF-8 are refused before anything is sent, and what looks like them is data") {
    bench b("sslmode=disable", 1);
    must(b.io, b.db, "select 1");
    const std::string before = b.proxy.requests();
    const std::vector<std::pair<std::string, kedge::sql_errc>> bad{
        {std::string("a\0b", 3), kedge::sql_errc::nul_in_text}, {"\xc3(", kedge::sql_errc::invalid_utf8},
        {"\xed\xa0\x80", kedge::sql_errc::invalid_utf8},        {"\xff", kedge::sql_errc::invalid_utf8}};
    for (const auto& [text, expected] : bad) {
        CHECK(ask(b.io, b.db, "select $1::text", kedge::params(text), once())->ec == expected);
        CHECK(ask(b.io, b.db, kedge::dynamic_sql("select '" + text + "'"), {}, once())->ec == expected);
    }
    CHECK(b.proxy.requests() == before);
    const std::string quotes = "'; drop table x; -- \\ $1 \x01 \xf0\x9f\x90\x98";
    CHECK(must(b.io, b.db, "select $1::text", kedge::params(quotes), once())->value<std::string>() == quotes);
    const asked_ptr bytes = must(b.io, b.db, "select convert_from($1::bytea, 'UTF8')",
                                 kedge::params(kedge::blob{std::byte{'o'}, std::byte{'k'}}), once());
    CHECK(bytes->value<std::string>() == "ok");
    const asked_ptr broken = ask(b.io, b.db, "select convert_from('\\xff'::bytea, 'UTF8')", {}, once());
    CHECK(broken->report.said.code() == "22021");
    shut_down(b.io, b.db);
}
