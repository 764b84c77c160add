// SPDX-License-Identifier: BSL-1.0

#include "pool_bench.hpp"

using namespace pool_test;

TEST_CASE("a connection is opened once and lent again") {
    bench b;
    { auto l = b.take(); CHECK(l->number == 1); }
    auto again = b.pool.try_acquire();
    REQUIRE(again);
    CHECK(again->number == 1);
    CHECK_FALSE(b.pool.try_acquire());
    again.recycle();
    CHECK_FALSE(again);
    b.sim.run();
    CHECK(b.backend.dials == 1);
    CHECK(b.pool.snapshot().opened == 1);
    CHECK(b.backend.closed == 0);
}

TEST_CASE("idleness does not keep the context running") {
    bench b;
    b.take().recycle();
    b.sim.run();  // throws if anything is left
    CHECK(b.sim.elapsed() < 100ms);
}

TEST_CASE("who waits is served in order, and a refusal names the holders") {
    bench b({.max = 2, .acquire_timeout = 5s});
    auto first = b.take();
    auto second = b.take();
    kedge::call_report report;
    const auto w1 = b.acquire(), w2 = b.acquire({.report = &report, .tag = "late"});
    b.sim.run_for(2s);
    CHECK_FALSE(w1->done);
    first.recycle();
    CHECK_FALSE(w1->done);  // never inside recycle()
    b.sim.run_for(1ms);
    REQUIRE(w1->done);
    CHECK(w1->held->number == 1);
    CHECK_FALSE(w2->done);
    b.sim.run_for(4s);
    REQUIRE(w2->done);
    CHECK(w2->ec == kedge::errc::pool_exhausted);
    CHECK(w2->at >= kedge::time_point(5s));
    CHECK(report.pool.why == kedge::pool_refusal::timed_out);
    CHECK(report.stopped_by == kedge::stage::pool);
    CHECK(report.pool.used == 2);
    CHECK(report.pool.waiting == 1);
    CHECK(report.pool.oldest_wait == 5s);
    CHECK(report.elapsed == 5s);
    CHECK(report.pool.holders[0].count + report.pool.holders[1].count == 2);
    CHECK(to_string(report.pool).find("connection_pool.cpp:") != std::string::npos);
}

TEST_CASE("holders are grouped by place and tag, the largest group first") {
    bench b({.max = 3, .acquire_timeout = 1s});
    const kedge::call reports{.tag = "reports"};
    auto r1 = b.acquire(reports), r2 = b.acquire(reports);
    const auto line = __LINE__ + 1;
    auto other = b.acquire({.tag = "cart"});
    b.sim.run_for(100ms);
    kedge::call_report report;
    const auto late = b.acquire({.report = &report});
    b.sim.run_for(2s);
    REQUIRE(late->ec == kedge::errc::pool_exhausted);
    CHECK(report.pool.holders[0].tag == "reports");
    CHECK(report.pool.holders[0].count == 2);
    CHECK(report.pool.holders[1].tag == "cart");
    CHECK(report.pool.holders[1].place.line() == static_cast<unsigned>(line));
    CHECK(report.pool.holders[1].held > 1s);
}

TEST_CASE("a deadline that passes in the queue is the pool's refusal") {
    bench b({.max = 1});
    auto held = b.take();
    const auto w = b.acquire({.deadline = b.sim.now() + 250ms});
    b.sim.run_for(1s);
    CHECK(w->ec == kedge::errc::pool_exhausted);
    const auto past = b.acquire({.deadline = b.sim.now()});
    b.sim.run_for(1ms);
    CHECK(past->ec == kedge::errc::pool_exhausted);
    CHECK(b.pool.snapshot().timeouts == 2);
}

TEST_CASE("a server that is away is told as the connect error itself, after a second") {
    bench b;
    b.backend.refuses = asio::error::connection_refused;
    kedge::call_report report;
    const auto w = b.acquire({.report = &report});
    b.sim.run_until([&] { return w->done; });
    CHECK(w->ec == asio::error::connection_refused);
    CHECK(w->at.time_since_epoch() >= 1s);
    CHECK(w->at.time_since_epoch() < 2s);
    CHECK(report.pool.why == kedge::pool_refusal::down);
    CHECK(b.pool.snapshot().down);
    CHECK(b.backend.dials > 3);
    CHECK(b.backend.dials < 60);
    b.backend.refuses = {};
    b.sim.run_for(6s);
    b.take().recycle();
    CHECK_FALSE(b.pool.snapshot().down);
}

TEST_CASE("an error that stays is told at once, without a storm of dials, and a mended password heals it") {
    bench b({.max = 4});
    b.backend.refuses = kedge_test::wrong_password();
    kedge::call_report report;
    const auto w = b.acquire({.report = &report});
    for (int i = 0; i < 10; ++i) b.acquire();
    b.sim.run_until([&] { return w->done; });
    CHECK(w->ec == kedge_test::wrong_password());
    CHECK(w->at.time_since_epoch() < 10ms);
    CHECK(report.pool.why == kedge::pool_refusal::down);
    for (int i = 0; i < 99; ++i) {
        const auto refused = b.acquire();
        b.sim.run_for(10ms);
        CHECK(refused->ec == kedge_test::wrong_password());
    }
    CHECK(b.backend.dials <= 2);
    CHECK(b.pool.snapshot().down);
    b.backend.refuses = {};
    b.sim.run_for(4500ms);
    b.take().recycle();
    CHECK_FALSE(b.pool.snapshot().down);
}

TEST_CASE("dirty connections are reset before the next borrower gets them, broken ones never come back") {
    bench b({.max = 1});
    { auto l = b.take(); l->state = reuse::needs_reset; }
    CHECK_FALSE(b.pool.try_acquire());
    CHECK(b.pool.snapshot().resetting == 1);
    { auto l = b.take(); CHECK(l->number == 1); CHECK(b.backend.resets == 1); l->state = reuse::broken; }
    { auto l = b.take(); CHECK(l->number == 2); l.discard(); }
    CHECK(b.take()->number == 3);
    CHECK(b.backend.closed == 2);
}

TEST_CASE("a reset that does not end keeps nobody waiting while there is room, and quick ones open nothing") {
    bench b({.max = 8, .connect_timeout = 5s});
    SECTION("one that hangs") {
        auto l = b.take();
        l->state = reuse::needs_reset;
        b.backend.hangs = true;
        { const auto back = std::move(l); }
        const auto w = b.acquire();
        b.sim.run_for(10ms);
        b.backend.hangs = false;
        CHECK(b.pool.snapshot().resetting == 1);
        b.sim.run_for(1s);
        REQUIRE(w->done);
        CHECK(w->held->number == 2);
        CHECK(w->at.time_since_epoch() < 300ms);
    }
    SECTION("many under load") {
        b.backend.takes = 10ms;
        auto one = b.take(), two = b.take();
        for (int i = 0; i < 100; ++i) {
            one->state = two->state = reuse::needs_reset;
            { const auto back = std::move(one), too = std::move(two); }
            const auto w1 = b.acquire(), w2 = b.acquire();
            b.sim.run_until([&] { return w1->done && w2->done; });
            one = std::move(w1->held), two = std::move(w2->held);
        }
        CHECK(b.backend.resets == 200);
        CHECK(b.backend.dials == 2);
    }
}

TEST_CASE("a reset that takes too long ends in closing") {
    bench b({.max = 1, .connect_timeout = 200ms});
    { auto l = b.take(); b.backend.hangs = true; l->state = reuse::needs_reset; }
    b.sim.run_for(150ms);
    CHECK(b.pool.snapshot().resetting == 1);
    b.sim.run_for(100ms);
    CHECK(b.pool.snapshot().resetting == 0);
    CHECK(b.backend.closed == 1);
}

TEST_CASE("a dial that takes too long counts as timed out") {
    bench b({.max = 1, .acquire_timeout = 10s, .connect_timeout = 2s});
    b.backend.hangs = true;
    const auto w = b.acquire();
    b.sim.run_until([&] { return w->done; });
    CHECK(w->ec == asio::error::timed_out);
    CHECK(w->at.time_since_epoch() >= 3s);
    CHECK(w->at.time_since_epoch() < 5s);
}

TEST_CASE("what rested is looked at before it is lent") {
    bench b({.max = 2});
    b.take().recycle();
    b.sim.run_for(400ms);
    b.pool.try_acquire().recycle();
    CHECK(b.backend.peeks == 0);
    b.sim.run_for(600ms);
    b.backend.peek_finds_dead = true;
    CHECK_FALSE(b.pool.try_acquire());
    CHECK(b.backend.peeks == 1);
    b.take().recycle();
    b.sim.run_for(600ms);
    auto l = b.take();
    CHECK(l->number == 3);
    CHECK(b.backend.peeks == 2);
}

TEST_CASE("cancelled while it waits, and after it was granted") {
    bench b({.max = 1});
    auto held = b.take();
    asio::cancellation_signal stop;
    std::optional<error_code> ended;
    b.pool.async_acquire(asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, bench::lease) { ended = ec; }));
    b.sim.run_for(1ms);
    stop.emit(asio::cancellation_type::total);
    CHECK_FALSE(ended);
    b.sim.run_for(1ms);
    CHECK(ended == asio::error::operation_aborted);

    ended.reset();
    b.pool.async_acquire(asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, bench::lease) { ended = ec; }));
    held.recycle();
    stop.emit(asio::cancellation_type::terminal);  // too late: it is on its way
    b.sim.run();
    CHECK(ended == error_code());
    CHECK(b.pool.snapshot().idle == 1);
}

TEST_CASE("a dial whose waiter has left is not begun") {
    bench b;
    asio::cancellation_signal stop;
    b.pool.async_acquire(asio::bind_cancellation_slot(stop.slot(), [](error_code, bench::lease) {}));
    stop.emit(asio::cancellation_type::terminal);
    b.sim.run();
    CHECK(b.backend.dials == 0);
}

TEST_CASE("the queue is bounded") {
    bench b({.max = 1});
    auto held = b.take();
    std::vector<std::shared_ptr<bench::result>> waiting;
    for (int i = 0; i < 16; ++i) waiting.push_back(b.acquire());
    kedge::call_report report;
    const auto refused = b.acquire({.report = &report});
    b.sim.run_for(1ms);
    CHECK(refused->ec == kedge::errc::pool_exhausted);
    CHECK(report.pool.why == kedge::pool_refusal::queue_full);
    CHECK(report.pool.waiting == 16);
    CHECK_FALSE(waiting.back()->done);
}

TEST_CASE("shutdown refuses, waits for what is lent, and has an end") {
    bench b;
    auto held = b.take();
    std::optional<error_code> first, second;
    b.pool.async_shutdown(b.sim.now() + 1s, [&](error_code ec) { first = ec; });
    const auto refused = b.acquire();
    b.sim.run_for(500ms);
    CHECK(refused->ec == kedge::errc::pool_closed);
    CHECK_FALSE(first);
    b.sim.run_for(1s);
    CHECK(first == kedge::errc::pool_exhausted);
    b.pool.async_shutdown(kedge::never, [&](error_code ec) { second = ec; });
    held.recycle();
    b.sim.run();
    CHECK(second == error_code());
    CHECK(b.backend.closed == 1);
}

TEST_CASE("the listener hears of pressure, failed dials, outages and leaks, in order") {
    std::vector<std::string> heard;
    const auto hear = [&](const kedge::event& e) noexcept {
        if (const auto* p = std::get_if<kedge::pool_pressure_changed>(&e))
            heard.push_back("pressure " + std::to_string(p->used) + "/" + std::to_string(p->max));
        if (std::holds_alternative<kedge::pool_dial_failed>(e) && (heard.empty() || heard.back() != "failed"))
            heard.push_back("failed");
        if (const auto* d = std::get_if<kedge::pool_server_down>(&e)) heard.push_back(d->down ? "down" : "back");
        if (const auto* l = std::get_if<kedge::lease_held_long>(&e)) heard.push_back("leak of " + std::string(l->tag));
    };
    bench b({.name = "orders", .max = 1, .leak_after = 10s, .on_event = hear});
    b.backend.refuses = asio::error::connection_refused;
    auto w = b.acquire();
    b.sim.run_until([&] { return w->done; });
    b.backend.refuses = {};
    b.sim.run_for(6s);
    w = b.acquire({.tag = "cart"});
    b.sim.run_for(30s);
    w->held.recycle();
    b.sim.run();
    const std::vector<std::string> expected{"failed", "down", "back", "pressure 1/1", "leak of cart", "pressure 0/1"};
    CHECK(heard == expected);
    CHECK(b.pool.snapshot().leaks == 1);
}
