// SPDX-License-Identifier: BSL-1.0
// How calls end before their time: cancelled, abandoned, or left alone by whoever made them.
#include "bench.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

using namespace database_test;

namespace {

/// Where a call may be when something happens to it.
enum class place { queue, statement, backoff, body, commit };

struct house {
    std::unique_ptr<testing::simulation> sim = std::make_unique<testing::simulation>(3);
    testing::scripted_server server;
    std::shared_ptr<testing::recording_sink> sink = std::make_shared<testing::recording_sink>();
    std::optional<client_type> db{client_type(*sim, {.url = server.url(), .max_connections = 1, .sink = sink})};
    int called = 0, destroyed = 0;
    error_code ec;

    /// Tells that it was destroyed.
    struct witness {
        house* of;
        explicit witness(house* h) noexcept : of(h) {}
        witness(witness&& other) noexcept : of(std::exchange(other.of, nullptr)) {}
        witness& operator=(witness&&) = delete;
        ~witness() {
            if (of) ++of->destroyed;
        }
    };

    /// Starts one call and lets it come to `where`.
    void start(place where, asio::cancellation_slot slot) {
        server.query_takes(9s);
        const call harmless{.repeating = repeat::harmless};
        if (where == place::queue) db->async_query("select first", params(), [](error_code, rows) {});
        if (where == place::backoff) server.fail("select", asio::error::connection_reset);
        if (where == place::body || where == place::commit) {
            auto body = [](transaction& t) -> asio::awaitable<void> {
                (void)co_await t.async_execute("insert", params(), asio::use_awaitable);
            };
            auto end = [this, w = witness(this)](const std::exception_ptr& thrown) {
                ++called, ec = code_of(thrown);
            };
            db->async_transaction(body, {}, harmless, asio::bind_cancellation_slot(slot, std::move(end)));
        } else {
            auto end = [this, w = witness(this)](error_code e, rows) { ++called, ec = e; };
            db->async_query("select 1", params(), harmless, asio::bind_cancellation_slot(slot, std::move(end)));
        }
        constexpr nanoseconds when[] = {1s, 1s, 9s + 3ms, 13s, 22s};
        sim->run_for(when[static_cast<int>(where)]);
        REQUIRE(called == 0);
        const auto pool = db->snapshot().pool;
        CHECK(pool.waiting == (where == place::queue ? 1 : 0));
        CHECK(pool.used == (where == place::backoff ? 0 : 1));
        const char* const last[] = {"select first", "select 1", "select 1", "insert", "commit"};
        CHECK(server.heard().back() == last[static_cast<int>(where)]);
    }
};

const auto everywhere = {place::queue, place::statement, place::backoff, place::body, place::commit};

}  // namespace

TEST_CASE("a cancelled call ends at once, once, and without a record") {
    for (const place where : everywhere) {
        CAPTURE(static_cast<int>(where));
        house h;
        asio::cancellation_signal stop;
        h.start(where, stop.slot());
        const auto before = h.sim->now();
        stop.emit(asio::cancellation_type::terminal);
        CHECK(h.called == 0);  // never inside emit()
        h.sim->run_for(0s);
        CHECK(h.called == 1);
        CHECK(h.destroyed == 1);
        CHECK(h.sim->now() == before);
        const bool sent = where == place::commit;  // then it is more than a wish of the caller
        CHECK(h.ec == (sent ? error_code(errc::commit_unknown) : error_code(asio::error::operation_aborted)));
        CHECK(h.sink->records().size() == (sent ? 1 : 0));
        h.sim->run();
        CHECK(h.called == 1);
        CHECK(h.db->snapshot().pool.used == 0);
        CHECK(h.db->snapshot().breaker.failures <= (where == place::backoff || sent ? 1 : 0));

        h.server.query_takes(1ms);
        std::optional<error_code> next;
        h.db->async_query("select 2", params(), [&](error_code e, rows) { next = e; });
        h.sim->run();
        CHECK(next == error_code());
    }
}

TEST_CASE("a call whose context is destroyed is abandoned: its handler is destroyed and never called") {
    for (const place where : everywhere) {
        CAPTURE(static_cast<int>(where));
        const bool client_first = GENERATE(true, false);
        house h;
        asio::cancellation_signal stop;
        h.start(where, stop.slot());
        if (client_first) h.db.reset();
        h.sim.reset();
        CHECK(h.called == 0);
        CHECK(h.destroyed == 1);
        h.db.reset();
        CHECK(h.server.open() == 0);
        CHECK(h.sink->records().empty());
    }
}

TEST_CASE("a client that is destroyed finishes the calls that are under way, and refuses those that wait") {
    for (const place where : everywhere) {
        CAPTURE(static_cast<int>(where));
        house h;
        asio::cancellation_signal stop;
        h.start(where, stop.slot());
        h.db.reset();
        h.sim->run();
        CHECK(h.called == 1);
        CHECK(h.destroyed == 1);
        CHECK_FALSE(h.ec);
        CHECK(h.server.open() == 0);
    }
}

TEST_CASE("a handler may own the client, and destroy it") {
    testing::simulation sim;
    testing::scripted_server server;
    int called = 0;
    {
        client_type db(sim, {.url = server.url()});
        auto owned = std::make_shared<client_type>(db);
        db.async_query("select 1", params(), [&, owned](error_code ec, rows) mutable {
            CHECK_FALSE(ec);
            owned.reset();
            ++called;
        });
        auto body = [](transaction& t) -> asio::awaitable<void> {
            (void)co_await t.async_execute("insert", params(), asio::use_awaitable);
        };
        db.async_transaction(body, {}, call{}, [&, owned](const std::exception_ptr& thrown) mutable {
            CHECK_FALSE(thrown);
            owned.reset();
            ++called;
        });
    }
    sim.run();
    CHECK(called == 2);
    CHECK(server.open() == 0);
}
