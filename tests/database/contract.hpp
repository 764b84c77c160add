// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"

#include <kedge/database/client.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

// What every database promises to the users of its client, whatever it is; in real time, since servers have no other.

namespace test {

using namespace kedge;
using namespace std::chrono_literals;
namespace asio = boost::asio;

struct change_of_mind {};

/** The promises, over one kind of server. It has
 *  @li `connection`, and `url()`: of an empty database of its own
 *  @li `columns`: `b`, `i`, `r`, `s`, `y`, `m`, `u` for a bool, a 64 bit integer, a double, a text, bytes, a moment and a UUID
 *  @li `endless`: a query that never ends by itself
 *  @li `is_late`: whether a code is one that says so of a statement
 *  @li `dirt`: statements that leave something behind in a session
 *  @li `state`: a query whose one column of text tells what was left behind */
template <class Server> class contract {
public:
    /// One call and what came of it.
    struct told {
        std::optional<error_code> ec{};
        bool changed_mind = false;
        rows got{};
        call_report report{};
        asio::cancellation_signal stop{};
    };
    using told_ptr = std::shared_ptr<told>;
    using body = std::function<asio::awaitable<void>(transaction&)>;

    contract() { must("create table promises(" + std::string(Server::columns) + ")"); }

    void values_of_every_type_come_back() {
        const timestamp moment(std::chrono::microseconds(1'764'149'400'123'456));
        const uuid id{{0x6b, 0x65, 0x64, 0x67, 0x65, 0x2e, 0x4e, 0x2e, 0xa9, 0xb0, 0, 0, 0, 0, 0, 1}};
        const blob bytes{std::byte{0}, std::byte{255}, std::byte{'\''}};
        const auto largest = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
        const auto put = [&](const params& values) {
            const told_ptr call = run("insert into promises values ($1, $2, $3, $4, $5, $6, $7)", values);
            CHECK(*call->ec == error_code());
            CHECK(call->got.affected().rows == 1);
        };
        put(params(true, largest, 0.1, "é'; drop table promises --", bytes, moment, id));
        put(params(false, least, -1e300, "", blob{}, moment, id));
        put(params(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
        const rows got = run("select * from promises order by i desc")->got;
        using std::optional;
        using all = std::tuple<optional<bool>, optional<std::int64_t>, optional<double>, optional<std::string>, optional<blob>,
                               optional<timestamp>, optional<uuid>>;
        std::vector<all> seen;
        for (const auto& row : got.as<optional<bool>, optional<std::int64_t>, optional<double>, optional<std::string>,
                                      optional<blob>, optional<timestamp>, optional<uuid>>())
            seen.push_back(row);
        const all first{true, largest, 0.1, "é'; drop table promises --", bytes, moment, id};
        const all second{false, least, -1e300, "", blob{}, moment, id};
        CHECK(std::count(seen.begin(), seen.end(), first) == 1);
        CHECK(std::count(seen.begin(), seen.end(), second) == 1);
        CHECK(std::count(seen.begin(), seen.end(), all{}) == 1);
    }

    void what_cannot_be_right_is_refused_by_name() {
        CHECK(*run("select 1", params("\xff"))->ec == sql_errc::invalid_utf8);
        CHECK(*run("select 1", params(std::string(1, '\0')))->ec == sql_errc::nul_in_text);
        CHECK(*run(dynamic_sql(std::string("select 1\0", 9)))->ec == sql_errc::nul_in_text);
        CHECK(*run("select 1", params(1))->ec == sql_errc::parameter_count);
        CHECK(*run("select i from promises where i = $1")->ec == sql_errc::parameter_count);
        CHECK(*run("select 1; select 2")->ec == sql_errc::several_statements);
        CHECK(*run("")->ec == sql_errc::empty_statement);
        CHECK(db.snapshot().breaker.state == breaker_state::closed);
        CHECK_FALSE(*run("select 1")->ec);
    }

    void an_answer_is_no_failure() {
        must("create table once(i integer unique)");
        must("insert into once values (1)");
        for (int i = 0; i < 8; ++i) {
            const told_ptr again = run("insert into once values (1)");
            CHECK(Server::connection::classify(*again->ec) == verdict{kind::success, replay::never});
            CHECK(again->report.attempts == 1);
            CHECK(again->report.said.text() != "");
            CHECK(*run("selec")->ec);
        }
        CHECK(db.snapshot().breaker.state == breaker_state::closed);
    }

    void a_cancelled_statement_ends_at_once_and_its_connection_is_not_lent_before_it_is_free() {
        for (int i = 0; i < 3; ++i) {
            const told_ptr call = start(Server::endless);
            for (int turns = 0; turns < 50; ++turns) io.poll(), io.restart();
            call->stop.emit(asio::cancellation_type::terminal);
            CHECK_FALSE(call->ec);
            io.restart();
            io.poll();
            CHECK(call->ec == error_code(asio::error::operation_aborted));
            CHECK_FALSE(*run("select 1")->ec);
            CHECK(db.snapshot().pool.used == 0);
        }
    }

    void a_late_statement_ends_by_its_deadline() {
        const told_ptr late = run(Server::endless, {}, {.deadline = now() + 100ms});
        INFO(late->ec->message());
        CHECK(Server::is_late(*late->ec));
        CHECK(*late->ec == condition::timeout);
        CHECK_FALSE(*run("select 1")->ec);
    }

    void no_way_to_end_leaves_anything_behind() {
        const std::string fresh = state();
        for (const std::string& text : Server::dirt) {
            INFO(text);
            run(dynamic_sql(text));
            CHECK(state() == fresh);
            const auto dirty = [&text](transaction& t) -> asio::awaitable<void> {
                error_code ignored;  // some of it does not work in a transaction
                (void)co_await t.async_query(dynamic_sql(text), {}, asio::redirect_error(asio::use_awaitable, ignored));
            };
            transact(dirty);
            CHECK(state() == fresh);
            const auto thrown = [&](transaction& t) -> asio::awaitable<void> {
                co_await dirty(t);
                throw change_of_mind();
            };
            CHECK(transact(thrown)->changed_mind);
            CHECK(state() == fresh);
            const auto endless = [&](transaction& t) -> asio::awaitable<void> {
                co_await dirty(t);
                (void)co_await t.async_query(Server::endless, {}, asio::use_awaitable);
            };
            CHECK(*transact(endless, {.deadline = now() + 50ms})->ec);
            CHECK(state() == fresh);
            const told_ptr cancelled = start_transaction(endless);
            for (int turns = 0; turns < 50; ++turns) io.poll(), io.restart();
            cancelled->stop.emit(asio::cancellation_type::terminal);
            finish(cancelled);
            CHECK(*cancelled->ec == error_code(asio::error::operation_aborted));
            CHECK(state() == fresh);
        }
    }

    void a_context_that_ends_inside_a_transaction_leaves_nothing_behind() {
        {
            asio::io_context other;
            database_client<typename Server::connection> gone(other, {.url = server.url()});
            bool inserted = false;
            const body half = [&](transaction& t) -> asio::awaitable<void> {
                (void)co_await t.async_query("insert into promises(i) values (4711)", {}, asio::use_awaitable);
                inserted = true;
                (void)co_await t.async_query(Server::endless, {}, asio::use_awaitable);
            };
            gone.async_transaction(half, {}, [](std::exception_ptr) { FAIL("its context is gone"); });
            while (!inserted) other.run_one();
        }
        must("insert into promises(i) values (1)");
        const rows left = run("select count(*) from promises where i = 4711")->got;
        CHECK(std::get<0>(left.as<std::int64_t>().front()) == 0);
    }

private:
    told_ptr start(sql_text text, params values = {}, call c = {}) {
        const auto call = std::make_shared<told>();
        c.report = &call->report;
        db.async_query(std::move(text), std::move(values), c,
                       asio::bind_cancellation_slot(call->stop.slot(), [call](error_code ec, rows got) {
                           call->ec = ec;
                           call->got = std::move(got);
                       }));
        return call;
    }

    told_ptr start_transaction(body what, call c = {}) {
        const auto done = std::make_shared<told>();
        c.report = &done->report;
        auto handler = [done](std::exception_ptr e) {
            done->ec = error_code();
            try {
                if (e) std::rethrow_exception(e);
            } catch (const change_of_mind&) {
                done->changed_mind = true;
            } catch (const boost::system::system_error& error) {
                done->ec = error.code();
            }
        };
        db.async_transaction(std::move(what), {}, c, asio::bind_cancellation_slot(done->stop.slot(), std::move(handler)));
        return done;
    }

    void finish(const told_ptr& call) {
        io.restart();
        while (!call->ec) REQUIRE(io.run_one() == 1);
    }
    told_ptr run(sql_text text, params values = {}, call c = {}) {
        const told_ptr call = start(std::move(text), std::move(values), c);
        finish(call);
        return call;
    }
    told_ptr transact(body what, call c = {}) {
        const told_ptr call = start_transaction(std::move(what), c);
        finish(call);
        return call;
    }
    void must(const std::string& text) {
        const told_ptr call = run(dynamic_sql(text));
        INFO(text << ": " << call->ec->message() << " " << call->report.said.text());
        REQUIRE_FALSE(*call->ec);
    }

    /// In a transaction of its own, which does not begin inside another.
    std::string state() {
        std::string all;
        const body look = [&](transaction& t) -> asio::awaitable<void> {
            const rows got = co_await t.async_query(Server::state, {}, asio::use_awaitable);
            for (const auto& [line] : got.as<std::string_view>()) (all += line) += '\n';
        };
        const told_ptr call = transact(look);
        INFO(call->ec->message() << " " << call->report.said.text());
        CHECK_FALSE(*call->ec);
        return all;
    }

    Server server;
    asio::io_context io;
    database_client<typename Server::connection> db{io, {.url = server.url(), .max_connections = 1}};
};

/// All of them, as sections of the test case around.
template <class Server> void keep_promises() {
    contract<Server> to;
    SECTION("values of every type come back") { to.values_of_every_type_come_back(); }
    SECTION("what cannot be right is refused by name") { to.what_cannot_be_right_is_refused_by_name(); }
    SECTION("an answer is no failure") { to.an_answer_is_no_failure(); }
    SECTION("a cancelled statement ends at once, and its connection is not lent before it is free") {
        to.a_cancelled_statement_ends_at_once_and_its_connection_is_not_lent_before_it_is_free();
    }
    SECTION("a late statement ends by its deadline") { to.a_late_statement_ends_by_its_deadline(); }
    SECTION("no way to end leaves anything behind") { to.no_way_to_end_leaves_anything_behind(); }
    SECTION("a context that ends inside a transaction leaves nothing behind") {
        to.a_context_that_ends_inside_a_transaction_leaves_nothing_behind();
    }
}

}  // namespace test
