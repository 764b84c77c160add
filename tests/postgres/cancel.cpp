// SPDX-License-Identifier: BSL-1.0
// Statements that are not waited for any more: cancelled, destroyed, left behind by their context.
#include "session.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

using namespace kedge;
using namespace std::chrono_literals;
using boost::asio::cancellation_type;
using test::opened;

namespace {

constexpr sql_text endless_rows = "select generate_series(1, 100000000), repeat('x', 1000)";

/// A statement on its way that can be stopped.
struct running {
    boost::asio::cancellation_signal stop{};
    std::optional<error_code> ended{};

    running(test::session& on, sql_text text) {
        on->async_query(std::move(text), {}, boost::asio::bind_cancellation_slot(stop.slot(), [this](error_code ec, rows) {
            REQUIRE_FALSE(ended);  // once
            ended = ec;
        }));
    }
};

int active(int backend) {
    return test::postgres_server::shared().count("select count(*) from pg_stat_activity where state = 'active' and pid = " +
                                                 std::to_string(backend));
}

int there(int backend) {
    return test::postgres_server::shared().count("select count(*) from pg_stat_activity where pid = " + std::to_string(backend));
}

}  // namespace

TEST_CASE("a cancelled statement ends within one turn, and the connection is clean when the server is done with it") {
    const auto c = opened();
    const int backend = c->backend();
    running slow(*c, "select pg_sleep(60)");
    REQUIRE(test::wait_until(c->io, [&] { return active(backend) == 1; }));
    slow.stop.emit(cancellation_type::terminal);
    CHECK_FALSE(slow.ended);  // never inside emit()
    c->io.restart();
    c->io.poll_one();
    REQUIRE(slow.ended);
    CHECK(*slow.ended == boost::asio::error::operation_aborted);
    CHECK((*c)->state() == reuse::needs_reset);
    CHECK(c->reset() == error_code());
    CHECK((*c)->state() == reuse::clean);
    CHECK(active(backend) == 0);
    CHECK(c->backend() == backend);
}

TEST_CASE("a cancel request never hits the next statement") {
    auto c = opened();
    int connections = 1;
    for (int i = 0; i < 300; ++i) {
        CAPTURE(i);
        if ((*c)->state() == reuse::broken) {  // a machine that stood still for two seconds
            c = opened();
            ++connections;
        }
        // Some end by themselves at the moment of the cancellation, some much later.
        running first(*c, dynamic_sql("select pg_sleep(" + std::to_string(i % 3 == 0 ? 60.0 : 0.0002 * (i % 10)) + ")"));
        c->io.restart();
        for (int step = 0; step < i % 4; ++step) c->io.poll_one();
        first.stop.emit(cancellation_type::terminal);
        const auto next = c->run("select $1::int + pg_sleep(0.001)::text::int * 0", params(i));  // pg_sleep gives ''
        CHECK(next.ec != postgres::errc::query_canceled);
        if ((*c)->state() != reuse::broken) CHECK(c->value<int>("select $1::int", params(i)) == i);
        REQUIRE(first.ended);
    }
    CHECK(connections <= 3);
}

TEST_CASE("a statement that is cancelled before it was sent is not sent") {
    const auto c = opened();
    c->run("create temp table t(i int)");
    running first(*c, "select pg_sleep(0.05)"), second(*c, "insert into t values (1)"), third(*c, "select 1");
    second.stop.emit(cancellation_type::terminal);
    REQUIRE(test::wait_until(c->io, [&] { return third.ended.has_value(); }));
    CHECK(*first.ended == error_code());
    CHECK(*second.ended == boost::asio::error::operation_aborted);
    CHECK(*third.ended == error_code());
    CHECK(c->value<int>("select count(*)::int from t") == 0);
}

TEST_CASE("cancelled inside a transaction: the reset rolls back") {
    const auto c = opened();
    c->run("create temp table t(i int)");
    c->run("begin");
    c->run("insert into t values (1)");
    running slow(*c, "select pg_sleep(60)");
    c->io.restart();
    c->io.poll();
    slow.stop.emit(cancellation_type::partial);
    CHECK(c->reset() == error_code());
    CHECK((*c)->state() == reuse::clean);
    CHECK(c->run("select * from t").ec == postgres::errc::undefined_table);
}

TEST_CASE("a reset does not wait for what the borrower left running") {
    const auto c = opened();
    const int backend = c->backend();
    running slow(*c, "select pg_sleep(60)"), waiting(*c, "select 1");
    REQUIRE(test::wait_until(c->io, [&] { return active(backend) == 1; }));
    CHECK(c->reset() == error_code());
    CHECK(slow.ended == error_code(boost::asio::error::operation_aborted));
    CHECK(waiting.ended == error_code(boost::asio::error::operation_aborted));
    CHECK((*c)->state() == reuse::clean);
    CHECK(c->backend() == backend);
}

TEST_CASE("connecting is dropped when it is cancelled, and its socket is closed") {
    test::session c;
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    c.connector().async_connect(*c, boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code ec) { ended = ec; }));
    c.io.poll_one();
    stop.emit(cancellation_type::terminal);
    REQUIRE(test::wait_until(c.io, [&] { return ended.has_value(); }));
    CHECK(*ended == boost::asio::error::operation_aborted);
    CHECK(c->state() == reuse::broken);
    c.io.restart();
    c.io.run();  // nothing is left to wait for
}

TEST_CASE("a connection may be destroyed while statements are outstanding, and the server does not go on with them") {
    const auto c = opened("application_name=destroyed");
    const int backend = c->backend();
    running slow(*c, "select pg_sleep(60)"), waiting(*c, "select 1");
    REQUIRE(test::wait_until(c->io, [&] { return active(backend) == 1; }));
    c->drop();
    REQUIRE(test::wait_until(c->io, [&] { return slow.ended && waiting.ended; }));
    CHECK(*slow.ended == boost::asio::error::operation_aborted);
    CHECK(*waiting.ended == boost::asio::error::operation_aborted);
    CHECK(test::wait_until([&] { return there(backend) == 0; }));
}

namespace {

/// A handler that owns what it belongs to, as a coroutine's does.
struct owning_handler {
    std::unique_ptr<postgres::connection> owned;
    std::shared_ptr<int> alive;
    void operator()(error_code) const { FAIL("called"); }
    void operator()(error_code, const rows&) const { FAIL("called"); }
};

}  // namespace

TEST_CASE("a context that ends destroys the handlers without calling them, and closes the socket") {
    auto& server = test::postgres_server::shared();
    postgres::connector to(server.url("application_name=left"));
    const auto alive = std::make_shared<int>();
    const auto how = GENERATE(as<std::string>(), "dialing", "asking", "cancelled", "reading", "idle");
    CAPTURE(how);
    boost::asio::cancellation_signal stop;  // it outlives the context, and the operation
    {
        boost::asio::io_context io;
        auto owned = to.create(io.get_executor());
        auto& c = *owned;
        if (how == "dialing") {
            to.async_connect(c, owning_handler{std::move(owned), alive});
            io.poll_one();
        } else {
            bool connected = false;
            to.async_connect(c, [&](error_code ec) { connected = !ec; });
            REQUIRE(test::wait_until(io, [&] { return connected; }));
            if (how == "asking")
                c.async_query("select pg_sleep(60)", {},
                              boost::asio::bind_cancellation_slot(stop.slot(), owning_handler{std::move(owned), alive}));
            if (how == "reading") {  // the receiver owns the connection
                const batch_receiver take([kept = std::shared_ptr(std::move(owned)), alive](const rows&) {});
                c.async_query_batches("select pg_sleep(60)", {}, take,
                                      boost::asio::bind_cancellation_slot(stop.slot(), [](error_code) { FAIL("called"); }));
            }
            if (how == "cancelled") {
                c.async_query("select pg_sleep(60)", {},
                              boost::asio::bind_cancellation_slot(stop.slot(), [](error_code, rows) {}));
                c.async_query("select 1", {}, owning_handler{std::move(owned), alive});
                io.restart();
                io.poll();
                stop.emit(cancellation_type::terminal);
            }
        }
    }
    CHECK(alive.use_count() == 1);
    if (how == "dialing" || how == "idle") CHECK(test::wait_until([&] { return server.backends("left") == 0; }));
    server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'left'");
    CHECK(test::wait_until([&] { return server.backends("left") == 0; }));
}

TEST_CASE("a large result comes in batches, and nothing is read while one is handled") {
    const auto c = opened();
    std::size_t batches = 0, seen = 0;
    std::int64_t sum = 0;
    bool reads = false;
    std::optional<error_code> ended;
    (*c)->async_query_batches(
        "select i, repeat('x', 100) from generate_series(1, 10500) i", {}, batch_receiver([&](rows some) {
            CHECK_FALSE(reads);
            reads = true;
            ++batches;
            seen += some.size();
            for (auto [i, x] : some.as<std::int64_t, std::string_view>()) sum += i;
            reads = false;
        }),
        [&](error_code ec) { ended = ec; });
    REQUIRE(test::wait_until(c->io, [&] { return ended.has_value(); }));
    CHECK(*ended == error_code());
    CHECK(batches == 11);
    CHECK(seen == 10'500);
    CHECK(sum == 10'500LL * 10'501 / 2);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("a receiver that refuses ends the statement, and the connection is usable afterwards") {
    const auto c = opened();
    int batches = 0;
    std::optional<error_code> ended;
    const batch_receiver take([&](const rows&) {
        ++batches;
        throw std::runtime_error("enough");
    });
    (*c)->async_query_batches(endless_rows, {}, take, [&](error_code ec) { ended = ec; });
    REQUIRE(test::wait_until(c->io, [&] { return ended.has_value(); }));
    CHECK(*ended == boost::asio::error::operation_aborted);
    CHECK(batches == 1);
    CHECK(take.thrown());
    CHECK(c->value<int>("select 1") == 1);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("batches end with a cancellation, and none comes after it") {
    const auto c = opened();
    boost::asio::cancellation_signal stop;
    std::optional<error_code> ended;
    const batch_receiver take([&](const rows&) {
        CHECK_FALSE(ended);
        stop.emit(cancellation_type::terminal);
    });
    (*c)->async_query_batches(endless_rows, {}, take,
                              boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code ec) { ended = ec; }));
    REQUIRE(test::wait_until(c->io, [&] { return ended.has_value(); }));
    CHECK(*ended == boost::asio::error::operation_aborted);
    CHECK(c->value<int>("select 1") == 1);
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("a result that exceeds the memory for one ends in an error, and the connection is usable afterwards") {
    const auto c = opened();
    const auto large = c->run("select repeat('x', 1000000) from generate_series(1, 1000)");
    CHECK(large.ec == sql_errc::result_too_large);
    CHECK(large.result.empty());
    if ((*c)->state() != reuse::broken) CHECK(c->value<int>("select 1") == 1);
}
