// SPDX-License-Identifier: BSL-1.0
// What becomes of a client when its file is damaged, full, out of reach or gone. In virtual time.
#include "shop.hpp"

#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

using namespace kedge;
using namespace std::chrono_literals;
using test::ask;
using test::shop;

namespace {

constexpr sql_text hundred_blobs = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) "
                                   "insert into t select randomblob(5000) from n";

/// Runs `body` in another process, and not as root, who may write everything. @return what it returned
template <class Body> int as_nobody(Body body) {
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool powerless = ::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0);
        ::_exit(powerless ? body() : 99);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/// What a new client hears: of a read and of a write, as two digits; 0 no error, 1 read only, 2 cannot open, 9 another.
int read_and_write(const std::string& url) {
    const auto digit = [](const error_code& ec) {
        return !ec ? 0 : ec == sqlite::errc::read_only ? 1 : ec == sqlite::errc::cannot_open ? 2 : 9;
    };
    testing::simulation sim;
    sqlite::client db(sim, {.url = url, .acquire_timeout = 3s});
    const int reading = digit(*ask(sim, db, "select count(*) from t").ec);
    return 10 * reading + digit(*ask(sim, db, "insert into t values (1)").ec);
}

}  // namespace

TEST_CASE_METHOD(shop, "a file is in WAL mode") {
    CHECK(ask(sim, db, "pragma journal_mode").value<std::string>() == "wal");
    CHECK(std::filesystem::exists(file.path.string() + "-wal"));
    CHECK(db.snapshot().pool.idle == 1);  // to ask for a setting is no reason to close
}

TEST_CASE("a damaged file is told as such, not repeated, and its connection is not lent again") {
    const test::database_file file;
    {
        test::raw_database made(file.path, true);
        made.must("create table t(i integer, filler text)");
        made.must("with recursive n(value) as (select 1 union all select value + 1 from n where value < 1000) "
                  "insert into t select value, hex(randomblob(200)) from n");
    }
    {
        std::fstream damage(file.path, std::ios::in | std::ios::out | std::ios::binary);
        damage.seekp(8 * 4096);
        damage << std::string(20 * 4096, '\xee');
    }
    testing::simulation sim;
    sqlite::client db(sim, {.url = file.url()});
    const auto got = ask(sim, db, "select sum(i) from t");
    CHECK(got.ec == sqlite::errc::corrupt);
    CHECK(sqlite::classify(*got.ec) == verdict{kind::failure, replay::never});
    CHECK(got.report.said.text() == "database disk image is malformed");
    CHECK(db.snapshot().pool.idle == 0);
    CHECK_FALSE(*ask(sim, db, "select 1").ec);
}

TEST_CASE("what is no database, or in no folder, is told in SQLite's words while nothing is connected") {
    const test::database_file file;
    std::ofstream(file.path) << std::string(5000, 'x');
    testing::simulation sim;
    sqlite::client wrong(sim, {.url = file.url()}), missing(sim, {.url = file.url() + ".d/shop.db"});
    CHECK(ask(sim, wrong, "select 1").ec == sqlite::errc::not_a_database);
    CHECK(ask(sim, missing, "select 1").ec == sqlite::errc::cannot_open);
    CHECK(ask(sim, missing, "select 1").took < 10s);  // not the 30 s that a busy pool may take
}

TEST_CASE_METHOD(shop, "a full database loses nothing of what it had, and is not asked again") {
    auto fill = [](transaction& t) -> boost::asio::awaitable<void> {
        (void)co_await t.async_query("insert into t values (1)", {}, boost::asio::use_awaitable);
        (void)co_await t.async_query("pragma max_page_count = 10", {}, boost::asio::use_awaitable);
        (void)co_await t.async_query(hundred_blobs, {},
                                     boost::asio::use_awaitable);
    };
    call_report report;
    error_code ended;
    db.async_transaction(fill, {}, {.report = &report}, [&](std::exception_ptr e) {
        try {
            if (e) std::rethrow_exception(e);
        } catch (const boost::system::system_error& told) {
            ended = told.code();
        }
    });
    sim.run();
    CHECK(ended == sqlite::errc::full);
    CHECK(report.attempts == 1);
    CHECK(report.said.text() == "database or disk is full");
    CHECK(rows_in_file() == 0);
    CHECK_FALSE(*ask(sim, db, hundred_blobs).ec);  // no limit left behind
    CHECK(rows_in_file() == 100);
}

TEST_CASE_METHOD(shop, "a file that is deleted or replaced while it is open takes no more writes into nowhere") {
    std::filesystem::remove(file.path);
    const auto lost = ask(sim, db, "insert into t values (1)");
    CHECK(lost.ec == sqlite::errc::read_only);
    CHECK(sqlite::classify(*lost.ec) == verdict{kind::neutral, replay::always});
    CHECK(lost.report.said.text() == "the file is gone from its path");
    CHECK(ask(sim, db, "insert into t values (1)").ec == sqlite::errc::error);  // a new connection, an empty database
    std::filesystem::remove(file.path.string() + "-wal");
    std::filesystem::remove(file.path.string() + "-shm");
}

TEST_CASE_METHOD(shop, "a transaction whose file is gone is not committed") {
    auto body = [&](transaction& t) -> boost::asio::awaitable<void> {
        (void)co_await t.async_query("insert into t values (1)", {}, boost::asio::use_awaitable);
        std::filesystem::remove(file.path);
    };
    error_code ended;
    db.async_transaction(body, {}, {.repeating = repeat::forbidden}, [&](std::exception_ptr e) {
        try {
            if (e) std::rethrow_exception(e);
        } catch (const boost::system::system_error& told) {
            ended = told.code();
        }
    });
    sim.run();
    CHECK(ended == sqlite::errc::read_only);
}

TEST_CASE("who may not write the file or its folder is told so, and can read if that is what his URL asks for") {
    const test::database_file file;
    namespace fs = std::filesystem;
    {
        test::raw_database made(file.path, true);  // no WAL: readers of one have to write beside it
        made.must("create table t(i integer)");
    }
    const auto all_may_read = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
    const auto all_may_enter = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
    fs::permissions(file.path, all_may_read);
    fs::permissions(file.folder, all_may_read | all_may_enter);
    CHECK(as_nobody([&] { return read_and_write(file.url()); }) == 11);  // the URL asks for more than there is
    CHECK(as_nobody([&] { return read_and_write(file.url() + "?mode=ro"); }) == 01);
    CHECK(as_nobody([&] { return read_and_write("sqlite:" + (file.folder / "new.db").string()); }) == 22);
    fs::permissions(file.path, all_may_read | fs::perms::others_write);  // the folder still takes no journal
    CHECK(as_nobody([&] { return read_and_write(file.url()); }) == 11);
    fs::permissions(file.folder, fs::perms::owner_all);
}

TEST_CASE("a memory database is one for all connections of its client, at the same time") {
    testing::simulation sim;
    sqlite::client db(sim, {.url = "sqlite::memory:", .max_connections = 3});
    REQUIRE_FALSE(*ask(sim, db, "create table t(i integer)").ec);
    std::optional<std::exception_ptr> ended;
    auto body = [&](transaction& t) -> boost::asio::awaitable<void> {
        (void)co_await t.async_query("insert into t values (1)", {}, boost::asio::use_awaitable);
        co_await async_sleep(sim, 1s, boost::asio::use_awaitable);
    };
    db.async_transaction(body, {}, [&](std::exception_ptr e) { ended = e; });
    sim.run_for(10ms);
    std::optional<int> before;
    db.async_query("select count(*) from t", {}, [&](error_code ec, rows got) {
        CHECK_FALSE(ec);
        before = std::get<0>(got.as<int>().front());
    });
    sim.run();
    REQUIRE(ended);
    CHECK_FALSE(*ended);
    CHECK(before);
    CHECK(db.snapshot().pool.idle == 2);
    CHECK(ask(sim, db, "select count(*) from t").value<int>() == 1);
}

TEST_CASE("prepared statements are kept, but not without end") {
    testing::simulation sim;
    sqlite::client db(sim, {.url = "sqlite::memory:", .max_connections = 1});
    for (int i = 0; i < 200; ++i) CHECK_FALSE(*ask(sim, db, dynamic_sql("select " + std::to_string(i))).ec);
    const auto kept = ask(sim, db, "select count(*) from sqlite_stmt");
    if (*kept.ec) WARN("this SQLite does not show its statements");
    else CHECK(kept.value<int>() == 32);
}
