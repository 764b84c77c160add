// SPDX-License-Identifier: BSL-1.0
// What a transaction promises: all or nothing, once, and the truth about it.
#include "bench.hpp"

#include <kedge/sqlite/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <filesystem>
#include <stdexcept>

#include <unistd.h>

using namespace database_test;

namespace {

using statements = std::vector<std::string>;

struct bank : bench {
    using bench::bench;

    /// Runs one transaction to its end. @return what it threw
    template <class F> std::exception_ptr transact(F body, transaction_options options = {}, call c = {}) {
        std::optional<std::exception_ptr> end;
        start(std::move(body), options, c, [&](std::exception_ptr thrown) { end = thrown; });
        sim.run_until([&] { return end.has_value(); });
        return *end;
    }
    template <class F, class Handler> void start(F body, transaction_options options, call c, Handler handler) {
        db.async_transaction(std::move(body), options, c, std::move(handler));
    }
};

struct bank_with_one_counter : bank {
    bank_with_one_counter() : bank({.max_connections = 1}) {}
};

/// The body of most: one statement.
auto insert(transaction& t) -> asio::awaitable<void> {
    (void)co_await t.async_execute("insert", params(), asio::use_awaitable);
}

}  // namespace

TEST_CASE_METHOD(bank, "a transaction commits what its function did, and gives what it returned") {
    std::optional<int> got;
    auto body = [](transaction& t) -> asio::awaitable<int> {
        (void)co_await t.async_query("select 1", params(), asio::use_awaitable);
        co_await insert(t);
        co_return 42;
    };
    start(body, {}, {}, [&](std::exception_ptr thrown, int value) {
        CHECK_FALSE(thrown);
        got = value;
    });
    sim.run();
    CHECK(got == 42);
    CHECK(server.heard() == statements{"begin", "select 1", "insert", "commit"});
    CHECK(db.snapshot().pool.used == 0);
    CHECK(sink->records().empty());
}

TEST_CASE_METHOD(bank, "an exception of the application rolls back, comes out unchanged and blames nobody") {
    const bool with_a_code = GENERATE(false, true);
    for (int i = 0; i < 10; ++i) {
        auto body = [&](transaction& t) -> asio::awaitable<void> {
            co_await insert(t);
            if (with_a_code) throw boost::system::system_error(asio::error::connection_refused);  // of another service
            throw std::out_of_range("no stock");
        };
        const auto thrown = transact(body);
        REQUIRE(thrown);
        if (with_a_code) CHECK(code_of(thrown) == asio::error::connection_refused);
        else CHECK_THROWS_AS(std::rethrow_exception(thrown), std::out_of_range);
    }
    CHECK(heard("begin") == 10);  // none was repeated
    CHECK(heard("rollback") == 10);
    CHECK(heard("commit") == 0);
    CHECK(server.connects() == 1);
    CHECK(breaker_heard.empty());
    CHECK(db.snapshot().breaker.failures == 0);
    CHECK(sink->records().empty());
}

TEST_CASE_METHOD(bank, "an error that left nothing behind runs the transaction again, from its beginning") {
    server.fail("insert", asio::error::connection_refused);
    int runs = 0;
    auto body = [&](transaction& t) -> asio::awaitable<void> {
        ++runs;
        co_await insert(t);
    };
    CHECK_FALSE(transact(body));
    CHECK(runs == 2);
    CHECK(server.heard().back() == "commit");
    CHECK(heard("begin") == 2);
    CHECK(heard("commit") == 1);
}

TEST_CASE_METHOD(bank, "after a reset only a transaction that reads is repeated") {
    server.fail("select", asio::error::connection_reset);
    auto body = [](transaction& t) -> asio::awaitable<void> {
        (void)co_await t.async_query("select 1", params(), asio::use_awaitable);
    };
    SECTION("it may have written") {
        CHECK(code_of(transact(body)) == asio::error::connection_reset);
        CHECK(heard("begin") == 1);
        CHECK(logged().size() == 1);
    }
    SECTION("it only reads") {
        CHECK_FALSE(transact(body, {.read_only = true}));
        CHECK(server.heard() ==
              statements{"begin read only", "select 1", "rollback", "begin read only", "select 1", "commit"});
    }
    SECTION("it only reads, but once") {
        CHECK(code_of(transact(body, {.read_only = true}, {.repeating = repeat::forbidden})) ==
              asio::error::connection_reset);
    }
}

TEST_CASE_METHOD(bank, "an error that the function swallowed ends the transaction all the same") {
    server.fail("insert", asio::error::connection_reset);
    auto body = [](transaction& t) -> asio::awaitable<void> {
        try {
            co_await insert(t);
        } catch (const boost::system::system_error&) {
        }
    };
    CHECK(code_of(transact(body)) == asio::error::connection_reset);
    CHECK(heard("commit") == 0);
}

TEST_CASE_METHOD(bank, "an answer of the database to one statement leaves the transaction open") {
    server.fail("insert", sql_errc::parameter_count);
    auto body = [](transaction& t) -> asio::awaitable<void> {
        try {
            co_await insert(t);
        } catch (const boost::system::system_error& e) {
            CHECK(e.code() == sql_errc::parameter_count);
        }
        co_await insert(t);
    };
    CHECK_FALSE(transact(body));
    CHECK(server.heard() == statements{"begin", "insert", "insert", "commit"});
}

TEST_CASE_METHOD(bank, "a refused statement that is thrown on is the database's error, with a record") {
    server.fail("insert", sql_errc::parameter_count);
    CHECK(code_of(transact(insert)) == sql_errc::parameter_count);
    CHECK(server.heard() == statements{"begin", "insert", "rollback"});
    CHECK(logged().size() == 1);
    CHECK(breaker_heard.empty());
}

TEST_CASE_METHOD(bank, "COMMIT was sent and its answer was lost: nobody knows, and nothing is repeated") {
    const call harmless{.repeating = repeat::harmless};
    std::exception_ptr thrown;
    SECTION("the connection broke") {
        server.fail("commit", asio::error::connection_reset);
        thrown = transact(insert, {}, harmless);
    }
    SECTION("the server went away while it was at it") {
        server.query_takes(10ms).away(sim.now() + 25ms, sim.now() + 60s);
        thrown = transact(insert, {}, harmless);
    }
    SECTION("the time was over") {
        auto body = [&](transaction& t) -> asio::awaitable<void> {
            co_await insert(t);
            server.query_takes(1h);
        };
        thrown = transact(body, {}, harmless);
        CHECK(sim.elapsed() >= 30s);
        CHECK(sim.elapsed() < 31s);
    }
    SECTION("the caller gave up") {
        server.query_takes(1s);
        asio::cancellation_signal stop;
        std::optional<std::exception_ptr> end;
        start(insert, {}, harmless, asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) { end = e; }));
        sim.run_until([&] { return heard("commit") == 1; });
        stop.emit(asio::cancellation_type::terminal);
        sim.run_until([&] { return end.has_value(); });
        thrown = *end;
    }
    CHECK(code_of(thrown) == errc::commit_unknown);
    CHECK(heard("begin") == 1);
    CHECK(heard("commit") == 1);
    CHECK(logged() == statements{"Database query failed: " + error_code(errc::commit_unknown).message()});
    sim.run_for(2min);
    CHECK(db.snapshot().pool.used == 0);
}

TEST_CASE_METHOD(bank_with_one_counter, "COMMIT's answer was lost: the server is asked, also by a pool of one") {
    server.fail("commit", asio::error::connection_reset);
    std::vector<std::string> fates;
    server.answer("select transaction_status($1)", [&](const params& of) {
        CHECK(std::get<std::string>(of[0]) == "1");
        rows_builder told({"told"});
        told.text(fates.empty() ? "committed" : fates.front());
        if (!fates.empty()) fates.erase(fates.begin());
        return std::move(told).take();
    });
    const transaction_options resolving{.resolve_commit = true};
    SECTION("it was committed") {
        CHECK_FALSE(transact(insert, resolving));
        CHECK(heard("begin") == 1);
    }
    SECTION("it is still under way, twice, and then committed") {
        fates = {"under way", "under way"};
        CHECK_FALSE(transact(insert, resolving));
        CHECK(heard("select transaction_status($1)") == 3);
        CHECK(heard("begin") == 1);
    }
    SECTION("it was rolled back, so the whole runs again") {
        fates = {"rolled back"};
        CHECK_FALSE(transact(insert, resolving));
        CHECK(heard("begin") == 2);
        CHECK(heard("commit") == 2);
    }
    SECTION("the server has forgotten") {
        fates = {"?"};
        CHECK(code_of(transact(insert, resolving)) == errc::commit_unknown);
        CHECK(heard("begin") == 1);
    }
    SECTION("it wrote nothing: no fate matters") {
        server.answer("select transaction_id()", [](const params&) {
            rows_builder told({"told"});
            told.null();
            return std::move(told).take();
        });
        CHECK_FALSE(transact(insert, resolving));
        CHECK(heard("select transaction_status($1)") == 0);
    }
    SECTION("the server is away until after the time of the attempt") {
        server.away(sim.now() + 5500us, sim.now() + 60s);
        CHECK(code_of(transact(insert, resolving)) == errc::commit_unknown);
        CHECK(sim.elapsed() < 31s);
    }
    SECTION("the client is shut down while the server is away") {
        server.away(sim.now() + 5500us, sim.now() + 60s);
        std::optional<std::exception_ptr> end;
        start(insert, resolving, {}, [&](std::exception_ptr thrown) { end = thrown; });
        sim.run_for(500ms);
        db.async_shutdown(sim.now() + 10s, [](error_code) {});
        sim.run_until([&] { return end.has_value(); });
        CHECK(code_of(*end) == errc::commit_unknown);
        CHECK(sim.elapsed() < 3s);
    }
    SECTION("the server comes back in time") {
        server.away(sim.now() + 5500us, sim.now() + 10s);
        CHECK_FALSE(transact(insert, resolving));
        CHECK(sim.elapsed() > 10s);
    }
    CHECK(db.snapshot().pool.used == 0);
    sim.run_for(2min);
}

TEST_CASE_METHOD(bank, "nobody is asked for the name of a transaction unless told to") {
    CHECK_FALSE(transact(insert));
    CHECK_FALSE(transact(insert, {.read_only = true, .resolve_commit = true}));
    CHECK(heard("select transaction_id()") == 0);
}

TEST_CASE_METHOD(bank, "COMMIT was answered with a refusal: nothing was committed, and that is said") {
    server.fail("commit", sql_errc::several_statements);
    CHECK(code_of(transact(insert)) == sql_errc::several_statements);
}

TEST_CASE_METHOD(bank, "a cancelled transaction ends at once, and the next borrower finds none open") {
    server.query_takes(5s);
    asio::cancellation_signal stop;
    std::optional<std::exception_ptr> end;
    start(insert, {}, {}, asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) { end = e; }));
    sim.run_until([&] { return heard("insert") == 1; });
    const auto before = sim.now();
    stop.emit(asio::cancellation_type::terminal);
    sim.run_until([&] { return end.has_value(); });
    CHECK(code_of(*end) == asio::error::operation_aborted);
    CHECK(sim.now() == before);
    CHECK(sink->records().empty());
    db.async_query("select 1", params(), [](error_code ec, rows) { CHECK_FALSE(ec); });
    sim.run();
    CHECK(heard("commit") == 0);
    const auto& all = server.heard();
    const auto rollback = std::find(all.begin(), all.end(), "rollback");
    if (server.connects() == 1) CHECK(rollback < std::find(all.begin(), all.end(), "select 1"));
}

TEST_CASE_METHOD(bank, "a transaction whose time is over is rolled back and told as a timeout") {
    server.query_takes(12s);
    auto body = [](transaction& t) -> asio::awaitable<void> {
        for (int i = 0; i < 5; ++i) co_await insert(t);
    };
    CHECK(code_of(transact(body)) == errc::timed_out);
    CHECK(sim.elapsed() < 31s);
    CHECK(heard("commit") == 0);
    CHECK(db.snapshot().breaker.failures == 1);
    sim.run();
}

TEST_CASE("a locked database runs the transaction again when the lock is gone") {
    std::string pattern = (std::filesystem::temp_directory_path() / "kedge-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    {
        testing::simulation sim;
        sqlite::client db(sim, {.url = "sqlite:" + pattern + "/shop.db"});
        db.async_execute("create table t (x)", params(), [](error_code ec, affected) { CHECK_FALSE(ec); });
        sim.run();

        int runs = 0;
        auto slow = [&](transaction& t) -> asio::awaitable<void> {
            (void)co_await t.async_execute("insert into t values (1)", params(), asio::use_awaitable);
            co_await async_sleep(sim, 8s, asio::use_awaitable);
        };
        auto body = [&](transaction& t) -> asio::awaitable<int> {
            ++runs;
            auto found = co_await t.async_query("select count(*) from t", params(), asio::use_awaitable);
            (void)co_await t.async_execute("insert into t values (2)", params(), asio::use_awaitable);
            co_return static_cast<int>(std::get<0>(found.as<std::int64_t>()[0]));
        };
        db.async_transaction(slow, {}, [](std::exception_ptr e) { CHECK_FALSE(e); });
        sim.run_for(1s);
        call_report report;
        std::optional<int> seen;
        db.async_transaction(body, {}, {.report = &report}, [&](std::exception_ptr e, int n) {
            CHECK_FALSE(e);
            seen = n;
        });
        sim.run();
        CHECK(seen == 1);  // it came after the slow one
        CHECK(report.attempts == 2);
        CHECK(report.history[0].judged == verdict{kind::neutral, replay::always});
        CHECK(runs == 1);  // the lock is taken by BEGIN
    }
    std::filesystem::remove_all(pattern);
}
