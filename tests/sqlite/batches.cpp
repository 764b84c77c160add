// SPDX-License-Identifier: BSL-1.0
// A result in pieces, and one that is too large to come as a whole.
#include "shop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace kedge;
using namespace std::chrono_literals;
using test::ask;
using test::shop;

namespace {

constexpr sql_text many_rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < $1) "
                               "select i, zeroblob($2) from n";
constexpr sql_text insert_many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < $1) "
                                 "insert into t select i from n returning i, zeroblob($2)";

/// A connection in a simulation whose statement's handler is at another context, so that a batch waits there until @ref later
/// runs: as long the statement is paused.
struct paused_shop {
    test::database_file file;
    boost::asio::io_context later;
    testing::simulation sim;
    sqlite::connector to{file.url()};
    std::shared_ptr<sqlite::connection> c;
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    int batches = 0;

    paused_shop() : c(to.create(sim.get_executor())) {
        std::optional<error_code> opened;
        to.async_connect(*c, [&](error_code ec) { opened = ec; });
        sim.run();
        REQUIRE(opened == error_code());
        CHECK_FALSE(run("create table t(i integer)"));
        CHECK_FALSE(run("with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) "
                        "insert into t select i from n"));
        c->async_query_batches("select i from t", {}, batch_receiver([this](const rows&) { ++batches; }),
                               boost::asio::bind_cancellation_slot(
                                   stop.slot(), boost::asio::bind_executor(later.get_executor(),
                                                                           [this](error_code ec) { ended = ec; })));
        sim.run_for(1s);
        CHECK(is_read());
    }

    error_code run(sql_text text) {
        std::optional<error_code> got;
        c->async_query(std::move(text), {}, [&](error_code ec, rows) { got = ec; });
        sim.run();
        REQUIRE(got);
        return *got;
    }
    /// Whether a statement that is under way hinders a checkpoint.
    bool is_read() const {
        test::raw_database other(file.path);
        other.must("insert into t values (0)");
        return other.number("pragma wal_checkpoint(truncate)") != 0;
    }
};

/// The sizes of the batches.
std::vector<std::size_t> sizes_of(boost::asio::io_context& io, sqlite::connection& c, params values) {
    std::vector<std::size_t> sizes;
    std::int64_t last = 0;
    std::optional<error_code> ended;
    const batch_receiver take([&](rows some) {
        CHECK_FALSE(ended);
        sizes.push_back(some.size());
        REQUIRE(sizes.size() <= 1000);
        for (const auto& [i, bytes] : some.as<std::int64_t, blob>()) CHECK(i == ++last);
    });
    c.async_query_batches(many_rows, std::move(values), take, [&](error_code ec) { ended = ec; });
    test::until(io, [&] { return ended.has_value(); });
    CHECK(*ended == error_code());
    return sizes;
}

}  // namespace

TEST_CASE("a result comes in batches of a thousand rows or a mebibyte, the last one with the rest") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = test::opened(io, to);
    std::vector<std::size_t> wanted(10, 1000);
    CHECK(sizes_of(io, *c, params(10'000, 100)) == wanted);
    wanted.push_back(1);
    CHECK(sizes_of(io, *c, params(10'001, 100)) == wanted);
    CHECK(sizes_of(io, *c, params(10, 300'000)) == std::vector<std::size_t>{4, 4, 2});
    CHECK(sizes_of(io, *c, params(300, 1'000'000)).size() == 150);  // far more than may come as a whole
    CHECK(test::run(io, *c, "select 1").ec == error_code());
    CHECK(c->state() == reuse::clean);
}

TEST_CASE("a statement without rows gives away no batch, and one that fails says so") {
    boost::asio::io_context io;
    sqlite::connector to("sqlite::memory:");
    const auto c = test::opened(io, to);
    const auto end_of = [&](sql_text text, params values) {
        std::optional<error_code> ended;
        const batch_receiver none([](const rows&) { FAIL("a batch"); });
        c->async_query_batches(std::move(text), std::move(values), none, [&](error_code ec) { ended = ec; });
        test::until(io, [&] { return ended.has_value(); });
        return *ended;
    };
    CHECK(end_of("create table t(i integer)", {}) == error_code());
    CHECK(end_of("select i from t", {}) == error_code());
    CHECK(end_of("selec", {}) == sqlite::errc::error);
    CHECK(end_of("select $1", {}) == sql_errc::parameter_count);
    CHECK(end_of("select $1", params("\xff")) == sql_errc::invalid_utf8);
    CHECK(c->state() == reuse::clean);
}

TEST_CASE_METHOD(shop, "a receiver that throws ends the statement, what it wrote is rolled back, and the connection goes on") {
    std::optional<error_code> ended;
    call_report report;
    int batches = 0;
    const auto take = [&](const rows&) {
        ++batches;
        throw std::runtime_error("enough");
    };
    db.async_query_batches(insert_many, params(5000, 1), take, {.report = &report}, [&](error_code ec) { ended = ec; });
    sim.run();
    CHECK(ended == errc::operation_threw);
    CHECK(report.thrown);
    CHECK(batches == 1);
    CHECK(rows_in_file() == 0);
    CHECK(db.snapshot().pool.idle == 1);
    CHECK_FALSE(*ask(sim, db, "insert into t values (1)").ec);
    CHECK(rows_in_file() == 1);
}

TEST_CASE_METHOD(paused_shop, "a statement goes on when its batch has been handled") {
    while (!ended) {
        later.restart();
        later.poll();
        sim.run_for(1ms);
    }
    CHECK(*ended == error_code());
    CHECK(batches == 5);
    CHECK_FALSE(is_read());
}

TEST_CASE_METHOD(paused_shop, "a statement that is cancelled while it is paused ends, and no batch comes any more") {
    stop.emit(boost::asio::cancellation_type::terminal);
    CHECK_FALSE(ended);
    CHECK(c->state() == reuse::needs_reset);
    later.run();
    CHECK(ended == error_code(boost::asio::error::operation_aborted));
    CHECK(batches == 0);
    sim.run();
    CHECK_FALSE(is_read());
    CHECK(c->state() == reuse::clean);
    CHECK_FALSE(run("insert into t values (1)"));
}

TEST_CASE_METHOD(paused_shop, "what waits behind a paused statement ends with it when the connection is closed") {
    std::optional<error_code> behind;
    c->async_query("select 1", {}, [&](error_code ec, rows) { behind = ec; });
    const bool drop = GENERATE(false, true);
    if (drop) c.reset();
    else c->close();
    sim.run_for(1s);
    later.run();
    CHECK(ended == error_code(boost::asio::error::operation_aborted));
    CHECK(behind == error_code(boost::asio::error::operation_aborted));
    CHECK(batches == 0);
    CHECK_FALSE(is_read());
}

TEST_CASE("a context may go while a statement is paused, with the connection in the handler; its batch may outlive both") {
    const test::database_file file;
    test::raw_database(file.path, true).must("create table t(i)");
    const auto alive = std::make_shared<int>();
    {
        boost::asio::io_context later;
        testing::simulation sim;
        sqlite::connector to(file.url());
        std::shared_ptr<sqlite::connection> c = to.create(sim.get_executor());
        to.async_connect(*c, [](error_code ec) { CHECK_FALSE(ec); });
        sim.run();
        const batch_receiver take([alive](const rows&) { FAIL("called"); });
        c->async_query_batches(many_rows, params(5000, 1), take,
                               boost::asio::bind_executor(later.get_executor(), [c, alive](error_code) { FAIL("called"); }));
        sim.run_for(1s);
    }
    CHECK(alive.use_count() == 1);
    CHECK(test::raw_database(file.path).number("pragma wal_checkpoint(truncate)") == 0);
}

TEST_CASE("a context that goes lets go of what a paused statement reads, whoever has the connection") {
    struct witness {
        ~witness() { was_read = test::raw_database(path).number("pragma wal_checkpoint(truncate)"); }
        std::shared_ptr<sqlite::connection> c;
        std::filesystem::path path;
        int& was_read;
    };
    int was_read = -1;
    const test::database_file file;
    boost::asio::io_context later;
    {
        testing::simulation sim;
        sqlite::connector to(file.url());
        std::shared_ptr<sqlite::connection> c = to.create(sim.get_executor());
        to.async_connect(*c, [](error_code ec) { CHECK_FALSE(ec); });
        sim.run();
        test::raw_database(file.path).must("create table t(i)");
        c->async_query_batches("with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) "
                               "select i, (select count(*) from t) from n",
                               {}, batch_receiver([](const rows&) {}),
                               boost::asio::bind_executor(later.get_executor(), [](error_code) { FAIL("called"); }));
        sim.run_for(1s);
        test::raw_database(file.path).must("insert into t values (1)");
        boost::asio::post(sim.get_executor(), [last = std::unique_ptr<witness>(new witness{c, file.path, was_read})] {});
    }
    CHECK(was_read == 0);
}

TEST_CASE("a context may go at any step of a statement whose batches it handles itself") {
    const auto alive = std::make_shared<int>();
    for (int steps = 0; steps < 12; ++steps) {
        boost::asio::io_context io;
        sqlite::connector to("sqlite::memory:");
        std::shared_ptr<sqlite::connection> c = test::opened(io, to);
        const batch_receiver take([c, alive](const rows&) {});
        c->async_query_batches(many_rows, params(100'000, 1), take, [c, alive](error_code) { FAIL("called"); });
        io.restart();
        for (int i = 0; i < steps; ++i) io.run_one();
    }
    CHECK(alive.use_count() == 1);
}

TEST_CASE("receivers that take their time occupy no thread: as many as there are do not keep others' statements waiting") {
    const test::database_file file;
    boost::asio::io_context slow, io;
    sqlite::client db(io, {.url = file.url(), .max_connections = 4});
    int ended = 0, batches = 0;
    for (int i = 0; i < 3; ++i)
        db.async_query_batches(many_rows, params(2500, 1), [&](const rows&) { ++batches; },
                               boost::asio::bind_executor(slow.get_executor(), [&](error_code ec) {
                                   CHECK_FALSE(ec);
                                   ++ended;
                               }));
    for (int i = 0; i < 20; ++i) {
        std::optional<error_code> other;
        db.async_query("select 1", {}, [&](error_code ec, rows) { other = ec; });
        test::until(io, [&] { return other.has_value(); });
        CHECK(*other == error_code());
    }
    CHECK(batches == 0);
    CHECK(db.snapshot().pool.used == 3);
    while (ended < 3) {
        slow.restart(), io.restart();
        slow.poll(), io.poll();
    }
    CHECK(batches == 9);
}

TEST_CASE_METHOD(shop, "a result of more than 64 MiB is refused when it would come as a whole, and nothing is written") {
    const test::asked large = ask(sim, db, insert_many, params(100, 1'000'000));
    CHECK(large.ec == sql_errc::result_too_large);
    CHECK(large.report.said.text() == "the result has more than 64 MiB");
    CHECK(large.got.empty());
    CHECK(rows_in_file() == 0);
    CHECK(ask(sim, db, many_rows, params(67, 1'000'000)).got.size() == 67);
    CHECK(ask(sim, db, many_rows, params(68, 1'000'000)).ec == sql_errc::result_too_large);
    CHECK(db.snapshot().pool.idle == 1);
    CHECK_FALSE(*ask(sim, db, "insert into t values (1)").ec);
}
