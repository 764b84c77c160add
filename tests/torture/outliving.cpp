// SPDX-License-Identifier: BSL-1.0
// What outlives the pool or its context when others are faster. Handles and operations: policies/connection_pool_context.cpp.

#include "hasty_context.hpp"
#include "leftover_bytes.hpp"
#include "loan.hpp"
#include "slow_drain.hpp"

#include "../support/catch.hpp"

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
        books->ruin = true;
        io.reset();
    }

    /// Everything ends here.
    void end() {
        held = {};
        pool.reset();
        books->for_all_left([](checked& c) { c.bury(); });
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

TEST_CASE("a lease that outlives its context and its pool still tells the listener") {
    int heard = 0;
    orphans<> o({.max = 1, .on_event = [&](const kedge::event&) noexcept { ++heard; }});
    o.pool.reset();
    const int before = heard;
    o.held = {};
    CHECK(heard > before);  // of the pressure that is gone
    o.end();
}

TEST_CASE("the last lease ends while another thread closes its connection, and the listener is told") {
    const auto books = std::make_shared<ledger>(1, 1us);
    books->most_allowed.set(1);
    hasty_context io;
    kedge::lease<leftover_bytes::connection> last;
    {
        const auto hear = [](const kedge::event&) noexcept {};
        kedge::connection_pool<leftover_bytes::connection> pool(io, {.max = 1, .on_event = hear}, leftover_bytes{books});
        pool.async_acquire([&](error_code, auto l) { last = std::move(l); });
        io.run();
    }
    io.hasty = true;
    last = {};
    CHECK(books->open == 0);
    CHECK(books.use_count() == 1);
}

TEST_CASE("a lease that is dropped by the end of a strand leaves nothing behind") {
    orphans<slow_drain> o({.max = 1}, [](auto& self) {
        self.held->unread = 1;  // the pool would reset it, on a strand
        asio::post(asio::make_strand(*self.io), [l = std::move(self.held)] {});
    });
    CHECK(o.books->open == 0);
    o.end();
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
    CHECK(report.elapsed < 1h);
    CHECK(report.pool.oldest_wait < 1h);
    CHECK(report.pool.holders[0].held < 1h);
    o.end();
}
