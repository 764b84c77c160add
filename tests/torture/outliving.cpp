// SPDX-License-Identifier: BSL-1.0
// What outlives the context: a lease, a handle, a blocked thread. The work is refused or dropped; nothing touches what is gone.

#include "leftover_bytes.hpp"
#include "loan.hpp"
#include "slow_drain.hpp"

#include "../support/catch.hpp"

#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <functional>
#include <optional>
#include <thread>

using namespace torture;
using namespace std::chrono_literals;
using kedge::errc;

namespace {

/// A pool of one and a lease of its only connection, whose context has been destroyed.
template <class Connector = leftover_bytes> struct orphans {
    using connection = typename Connector::connection;
    using lease_type = kedge::lease<connection>;

    explicit orphans(kedge::pool_options options = {.max = 1}, const std::function<void(orphans&)>& before = [](orphans&) {}) {
        books->most_allowed.set(1);
        io.emplace();
        pool.emplace(*io, std::move(options), Connector{books});
        while (!held) {  // one connector refuses now and then
            pool->async_acquire([this](error_code, lease_type l) { held = std::move(l); });
            io->run();
            io->restart();
        }
        before(*this);
        io.reset();
    }

    /// Everything ends here, and closes what is still open.
    void end() {
        held = {};
        pool.reset();
        CHECK(books->open == 0);
        CHECK(books->wrong() == nullptr);
        CHECK(books.use_count() == 1);
    }

    std::shared_ptr<ledger> books = std::make_shared<ledger>(1, 1us);
    std::optional<asio::io_context> io;
    std::optional<kedge::connection_pool<connection>> pool;
    lease_type held;
};

}  // namespace

TEST_CASE("a lease that outlives its context is closed where it is returned") {
    orphans<> o;
    SECTION("dropped") { o.held = {}; }
    SECTION("recycled") { o.held.recycle(); }
    SECTION("discarded") { o.held.discard(asio::error::eof); }
    SECTION("without a handle") {
        o.pool.reset();
        CHECK(o.books->open == 1);
        o.held = {};
    }
    CHECK(o.books->open == 0);
    o.end();
}

TEST_CASE("a lease that outlives its context and its pool still tells the listener") {
    int heard = 0;
    orphans<> o({.max = 1, .on_event = [&](const kedge::event&) noexcept { ++heard; }});
    o.pool.reset();
    const int before = heard;
    o.held = {};
    CHECK(heard > before);  // of the pressure that is gone
    o.end();
}

TEST_CASE("a lease that is dropped by the end of a strand leaves nothing behind") {
    orphans<slow_drain> o({.max = 1}, [](auto& self) {
        self.held->unread = 1;  // the pool would reset it, on a strand
        asio::post(asio::make_strand(*self.io), [l = std::move(self.held)] {});
    });
    CHECK(o.books->open == 0);
    o.end();
}

TEST_CASE("a handle that outlives its context refuses") {
    orphans<> o;
    auto& pool = *o.pool;
    kedge::testing::simulation sim;  // another context, where handlers may run
    std::optional<error_code> ended;
    const auto elsewhere = [&](auto f) { return asio::bind_executor(sim.get_executor(), std::move(f)); };
    const auto plain = [&](error_code ec) { ended = ec; };
    error_code expected = errc::pool_closed;
    SECTION("async_acquire") {
        pool.async_acquire(elsewhere([&](error_code ec, kedge::lease<leftover_bytes::connection>) { ended = ec; }));
    }
    SECTION("async_with") {
        pool.async_with([](auto& c, auto&& t) { return c.async_use(std::forward<decltype(t)>(t)); }, elsewhere(plain));
    }
    SECTION("acquire") {
        asio::co_spawn(sim.get_executor(), pool.acquire(), [&](const std::exception_ptr& e, auto) {
            try { std::rethrow_exception(e); } catch (const boost::system::system_error& error) { ended = error.code(); }
        });
    }
    SECTION("acquire_for") {
        try { (void)pool.acquire_for(1h); } catch (const boost::system::system_error& e) { ended = e.code(); }
    }
    SECTION("async_run ends") {
        pool.async_run(elsewhere(plain));
        expected = {};
    }
    SECTION("async_shutdown does not wait for what is lent") {
        pool.async_shutdown(kedge::never, elsewhere(plain));
        expected = errc::pool_exhausted;
    }
    SECTION("async_shutdown") {
        o.held = {};
        pool.async_shutdown(kedge::never, elsewhere(plain));
        expected = {};
    }
    sim.run();
    CHECK(ended == expected);
    o.end();
}

TEST_CASE("a handler that would run on a context that is gone is destroyed") {
    orphans<> o;
    const auto token = std::make_shared<int>();
    o.pool->async_acquire([token](error_code, kedge::lease<leftover_bytes::connection>) { FAIL("it cannot run"); });
    o.pool->async_run([token](error_code) { FAIL("it cannot run"); });
    CHECK(token.use_count() == 1);
    o.end();
}

TEST_CASE("what a handle does by itself works without its context") {
    orphans<> o;
    CHECK_FALSE(o.pool->try_acquire());
    CHECK_FALSE(o.pool->try_acquire(kedge::call{.deadline = kedge::now() + 1h}));
    o.pool->invalidate("gone");
    o.pool->resize(3);
    CHECK(o.pool->snapshot().used == 1);
    CHECK(o.pool->snapshot().max == 3);
    const auto copy = *o.pool;
    o.pool.reset();
    CHECK(copy.snapshot().used == 1);
    o.held = {};
    CHECK(copy.snapshot().used == 0);
    o.pool.reset();
}

TEST_CASE("a thread that is blocked when the context goes away is told that the pool is closed") {
    kedge::call_report report;
    std::optional<error_code> ended;
    std::thread blocked;
    orphans<> o({.max = 1}, [&](orphans<>& self) {
        blocked = std::thread([&] {
            try {
                (void)self.pool->acquire_for(1h, kedge::call{.report = &report});
            } catch (const boost::system::system_error& e) {
                ended = e.code();
            }
        });
        while (self.pool->snapshot().waiting == 0) std::this_thread::yield();
    });
    blocked.join();
    CHECK(ended == errc::pool_closed);
    CHECK(report.pool.used == 1);
    o.end();
}
