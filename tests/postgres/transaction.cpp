// SPDX-License-Identifier: BSL-1.0
// The database client on PostgreSQL.
#include "session.hpp"

#include <kedge/detail/operation.hpp>
#include <kedge/postgres/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>

using namespace kedge;
using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;

namespace {

/// Ends the client's connections before its context.
class shop {
public:
    explicit shop(const std::string& name) : db(io, {.url = test::postgres_server::shared().url("application_name=" + name)}) {}
    ~shop() {
        bool over = false;
        db.async_shutdown(now() + 5s, [&](error_code) { over = true; });
        test::wait_until(io, [&] { return over; });
    }
    shop(const shop&) = delete;
    shop& operator=(const shop&) = delete;

    /// Runs a coroutine to its end. @return what it threw
    template <class F> error_code play(F body) {
        std::optional<std::exception_ptr> ended;
        boost::asio::co_spawn(io, body(), [&](std::exception_ptr thrown) { ended = std::move(thrown); });
        REQUIRE(test::wait_until(io, [&] { return ended.has_value(); }));
        return kedge::detail::outcome<void(std::exception_ptr)>{*ended, {}}.code();
    }

    boost::asio::io_context io;
    postgres::client db;
};

int count_of(const std::string& table) { return test::postgres_server::shared().count("select count(*) from " + table); }

void make(const std::string& table) {
    auto& server = test::postgres_server::shared();
    server.sql("drop table if exists " + table);
    server.sql("create table " + table + "(i int primary key, v int)");
    server.sql("grant all on " + table + " to clerk");
}

}  // namespace

TEST_CASE("a transaction is committed when its function returns, and rolled back when it throws") {
    make("ledger");
    shop s("ledger");
    auto commits = [&]() -> awaitable<void> {
        auto body = [](transaction& tx) -> awaitable<void> {
            co_await tx.async_execute("insert into ledger values ($1, 1)", params(1), use_awaitable);
        };
        co_await s.db.async_transaction(body, {}, call{}, use_awaitable);
    };
    CHECK(s.play(commits) == error_code());
    CHECK(count_of("ledger") == 1);
    auto throws = [&]() -> awaitable<void> {
        auto body = [](transaction& tx) -> awaitable<void> {
            co_await tx.async_execute("insert into ledger values ($1, 1)", params(2), use_awaitable);
            throw std::runtime_error("no");
        };
        co_await s.db.async_transaction(body, {}, call{}, use_awaitable);
    };
    CHECK(s.play(throws) == errc::operation_threw);
    CHECK(count_of("ledger") == 1);
    CHECK(test::postgres_server::shared().backends("ledger") == 1);
}

TEST_CASE("a read only transaction that writes is the application's error: the connection stays, and so do the others") {
    make("readers");
    shop s("readers");
    auto writes = [&]() -> awaitable<void> {
        auto body = [](transaction& tx) -> awaitable<void> {
            co_await tx.async_execute("insert into readers values (1, 1)", params(), use_awaitable);
        };
        co_await s.db.async_transaction(body, {.read_only = true}, call{}, use_awaitable);
    };
    int before = 0, after = 0;
    auto ask = [&](int& into) {
        return [&]() -> awaitable<void> {
            const rows got = co_await s.db.async_query("select pg_backend_pid()", params(), use_awaitable);
            into = std::get<0>(got.as<int>().front());
        };
    };
    auto first = ask(before), second = ask(after);
    CHECK(s.play(first) == error_code());
    CHECK(s.play(writes) == postgres::errc::read_only_transaction);
    CHECK(s.play(second) == error_code());
    CHECK(before == after);
}

TEST_CASE("a server that does not write any more is taken for one that is no longer the primary") {
    make("standby");
    const auto c = test::opened();
    test::postgres_server::shared().sql("alter role clerk set default_transaction_read_only = on");
    const auto old = test::opened();
    test::postgres_server::shared().sql("alter role clerk reset default_transaction_read_only");
    CHECK(c->run("insert into standby values (1, 1)").ec == error_code());
    const auto refused = old->run("insert into standby values (2, 2)");
    CHECK(refused.ec == postgres::errc::not_primary);
    CHECK(refused.ec == postgres::errc::read_only_transaction);
    CHECK(refused.report.said.code() == "25006");
    CHECK((*old)->state() == reuse::broken);
}

TEST_CASE("a serialization failure repeats the whole transaction") {
    make("counters");
    test::postgres_server::shared().sql("insert into counters values (1, 0)");
    shop s("counters");
    int runs = 0;
    const auto other = test::opened();
    auto raises = [&]() -> awaitable<void> {
        auto body = [&](transaction& tx) -> awaitable<void> {
            ++runs;
            co_await tx.async_execute("set transaction isolation level serializable", params(), use_awaitable);
            const rows seen = co_await tx.async_query("select v from counters", params(), use_awaitable);
            if (runs == 1) test::postgres_server::shared().sql("update counters set v = v + 10");
            const int before = std::get<0>(seen.as<int>().front());
            co_await tx.async_execute("update counters set v = $1", params(before + 1), use_awaitable);
        };
        co_await s.db.async_transaction(body, {}, call{}, use_awaitable);
    };
    CHECK(s.play(raises) == error_code());
    CHECK(runs == 2);
    CHECK(test::postgres_server::shared().count("select v from counters") == 11);
}

TEST_CASE("a serialization failure that the commit brings repeats the whole transaction, too") {
    make("skew");
    test::postgres_server::shared().sql("insert into skew values (1, 0), (2, 0)");
    shop s("skew");
    int runs = 0;
    const auto other = test::opened();
    auto crosses = [&]() -> awaitable<void> {
        auto body = [&](transaction& tx) -> awaitable<void> {
            co_await tx.async_execute("set transaction isolation level serializable", params(), use_awaitable);
            co_await tx.async_query("select sum(v) from skew where i = 1", params(), use_awaitable);
            co_await tx.async_execute("update skew set v = 1 where i = 2", params(), use_awaitable);
            if (++runs > 1) co_return;
            for (const char* text : {"begin isolation level serializable", "select sum(v) from skew where i = 2",
                                     "update skew set v = 1 where i = 1", "commit"})
                test::postgres_server::shared().sql(text);
        };
        co_await s.db.async_transaction(body, {}, call{}, use_awaitable);
    };
    CHECK(s.play(crosses) == error_code());
    CHECK(runs == 2);
}

TEST_CASE("a constraint that is checked at the commit fails it, in a transaction and without one") {
    make("deferred");
    auto& server = test::postgres_server::shared();
    server.sql("alter table deferred add constraint later unique (v) deferrable initially deferred");
    server.sql("insert into deferred values (1, 7)");
    const auto c = test::opened();
    const auto alone = c->run("insert into deferred values (2, 7)");
    CHECK(alone.ec == postgres::errc::unique_violation);
    CHECK(alone.result.affected().rows == 0);
    shop s("deferred");
    auto late = [&]() -> awaitable<void> {
        auto body = [](transaction& tx) -> awaitable<void> {
            co_await tx.async_execute("insert into deferred values (3, 7)", params(), use_awaitable);
        };
        co_await s.db.async_transaction(body, {}, call{}, use_awaitable);
    };
    CHECK(s.play(late) == postgres::errc::unique_violation);
    CHECK(count_of("deferred") == 1);
}

TEST_CASE("a COMMIT that only rolled back is an error") {
    make("failed");
    const auto c = test::opened();
    c->run("begin");
    c->run("insert into failed values (1, 1)");
    CHECK(c->run("insert into failed values (1, 1)").ec == postgres::errc::unique_violation);
    CHECK(c->run("commit").ec == postgres::errc::in_failed_transaction);
    CHECK((*c)->state() == reuse::clean);
    shop s("failed");
    auto swallows = [&]() -> awaitable<void> {
        auto body = [](transaction& tx) -> awaitable<void> {
            co_await tx.async_execute("insert into failed values (2, 1)", params(), use_awaitable);
            try {
                co_await tx.async_execute("insert into failed values (2, 1)", params(), use_awaitable);
            } catch (const boost::system::system_error&) {
            }
        };
        co_await s.db.async_transaction(body, {}, call{}, use_awaitable);
    };
    CHECK(s.play(swallows) == postgres::errc::in_failed_transaction);
    CHECK(count_of("failed") == 0);
}

TEST_CASE("a crashed server gives the number of a lost transaction to another one, whose fate is not taken for its") {
    make("reused");
    auto& server = test::postgres_server::shared();
    std::string lost;
    {
        const auto c = test::opened();
        c->run("begin");
        c->run("insert into reused values (1, 1)");
        lost = c->value<std::string>(postgres::connection::transaction_id());
        server.restart();  // nothing of it had been flushed
    }
    const auto c = test::opened();
    for (int i = 10; i < 20; ++i) REQUIRE_FALSE(c->run("insert into reused values ($1, 1)", params(i)).ec);
    const auto xid = c->value<std::string>("select pg_current_snapshot()::text");
    CAPTURE(lost, xid);
    const commit_fate fate = postgres::connection::fate(c->run(postgres::connection::transaction_status(), params(lost)).result);
    CHECK(fate == commit_fate::forgotten);
    CHECK(count_of("reused where i = 1") == 0);
}

TEST_CASE("the fate of a transaction can be asked for") {
    make("fates");
    const auto c = test::opened();
    using connection = postgres::connection;
    const auto id = [&] { return c->value<std::optional<std::string>>(connection::transaction_id()); };
    const auto fate = [&](const std::string& of) {
        return connection::fate(test::opened()->run(connection::transaction_status(), params(of)).result);
    };
    c->run("begin");
    CHECK_FALSE(id());
    c->run("insert into fates values (1, 1)");
    const std::string first = id().value();
    CHECK(fate(first) == commit_fate::under_way);
    c->run("commit");
    CHECK(fate(first) == commit_fate::committed);
    c->run("begin");
    c->run("insert into fates values (2, 1)");
    const std::string second = id().value();
    c->run("rollback");
    CHECK(fate(second) == commit_fate::rolled_back);
    CHECK(fate("3") == commit_fate::forgotten);
}
