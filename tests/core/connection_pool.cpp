// SPDX-License-Identifier: BSL-1.0
// Single decisions; the interplay is explored in connection_pool_explore.cpp.
#include "pool_fixture.hpp"

#include <kedge/core/pool_snapshot.hpp>

#include <array>

using namespace pool_fixture;

TEST_CASE_METHOD(fixture, "two dials at a time, one after a failure, two again after a success") {
    start();
    for (int i = 0; i < 5; ++i) wait(i, 1s);
    CHECK(pool.dialing() == 2);
    CHECK(dial_all(1s, false) == 2);
    CHECK(pool.dialing() == 0);
    pool.tick(at(2s) - 1ns, todo);
    CHECK(pool.dialing() == 1);
    CHECK(dial_all(2s - 1ns, true) == 1);
    CHECK(pool.dialing() == 2);
}

TEST_CASE_METHOD(fixture, "the pause doubles from 10 ms to 5 s, with full jitter") {
    start();
    wait(0, 0s, 1h);
    nanoseconds now{0};
    for (int i = 0; i < 30; ++i) {
        now = std::max(now, pool.pace().next().time_since_epoch());
        pool.tick(at(now), todo);
        if (pool.pace().is_down()) wait(i + 1, now, 1h);
        pool_slot* const s = todo.dial.pop();
        REQUIRE(s);
        REQUIRE(pool.begin_dial(*s, at(now), todo));
        const std::uint64_t most = ~0ull;
        const nanoseconds pause = pool.dial_failed(*s, {}, at(now), most, todo);
        const nanoseconds bound = doubled(10ms, i, 5s);
        CHECK(pause <= bound);
        CHECK(pool.pace().next() == at(now) + pause);
    }
}

TEST_CASE_METHOD(fixture, "an error that stays ends all waits at once, and dials go on at the slowest pace") {
    start();
    dial_error = kedge_test::wrong_password();
    auto &first = wait(0, 0s), &second = wait(1, 0s);
    CHECK(dial_all(1s, false) == 1);  // nobody wants the other one any more
    CHECK(first.end == wait_end::down);
    CHECK(second.end == wait_end::down);
    CHECK(pool.pace().is_down());
    CHECK(pool.pace().next() >= at(1s) + 2500ms);
    CHECK(pool.pace().next() <= at(1s) + 5s);
    CHECK(wait(2, 2s).end == wait_end::down);
    CHECK(todo.dial.empty());
    const nanoseconds next = pool.pace().next().time_since_epoch();
    SECTION("a probe that fails is told so, and the pause is as long again") {
        auto& probe = wait(3, next);
        CHECK(probe.end == wait_end::none);
        CHECK(dial_all(next, false) == 1);
        CHECK(probe.end == wait_end::down);
        CHECK(pool.pace().next() >= at(next) + 2500ms);
    }
    SECTION("a password that is right again heals it") {
        auto& probe = wait(3, next);
        CHECK(dial_all(next, true) == 1);
        CHECK(probe.end == wait_end::granted);
        CHECK_FALSE(pool.pace().is_down());
    }
}

TEST_CASE_METHOD(fixture, "an error that stays takes nobody's turn while a connection may come back") {
    rules.max = 2;
    start();
    auto& a = borrow(0s);
    dial_error = kedge_test::wrong_password();
    auto &first = wait(0, 1s), &second = wait(1, 1s);
    CHECK(dial_all(1s, false) == 1);
    CHECK(first.end == wait_end::none);
    pool.release(a, reuse::clean, at(2s), todo);
    CHECK(first.end == wait_end::granted);
    pool.release(*first.slot, reuse::broken, at(2s), todo);
    CHECK(second.end == wait_end::none);
    CHECK(pool.due() <= at(2s));  // the last one is gone
    pool.tick(at(2s), todo);
    CHECK(second.end == wait_end::down);
}

TEST_CASE_METHOD(fixture, "a new connection goes to the head of the line, whoever caused the dial") {
    start();
    auto& first = wait(0, 0s);
    auto& second = wait(1, 0s);
    CHECK(dial_all(1ms, true) == 2);
    CHECK(todo.done.pop() == &first);
    CHECK(todo.done.pop() == &second);
}

TEST_CASE_METHOD(fixture, "idle connections are used last in, first out, and the coldest is retired") {
    rules.idle_timeout = 60s;
    start();
    auto &a = borrow(0s), &b = borrow(0s), &c = borrow(0s);
    pool.release(a, reuse::clean, at(1s), todo);
    pool.release(b, reuse::clean, at(50s), todo);
    pool.release(c, reuse::clean, at(61s), todo);
    CHECK(todo.close.pop() == &a);
    CHECK(todo.close.empty());
    CHECK(pool.try_acquire(at(62s), todo) == &c);
    CHECK(c.rested == 1s);
    pool.release(c, reuse::clean, at(63s), todo);
    CHECK(pool.try_acquire(at(200s), todo) == nullptr);  // both are too old
    CHECK(pool.idle() == 0);
}

TEST_CASE_METHOD(fixture, "what min_idle keeps is lent however long it rested") {
    rules.idle_timeout = 60s;
    rules.min_idle = 1;
    start();
    auto &a = borrow(0s), &b = borrow(0s);
    pool.release(a, reuse::clean, at(1s), todo);
    pool.release(b, reuse::clean, at(2s), todo);
    CHECK(pool.try_acquire(at(1h), todo) == &a);  // one of the two was too many
    CHECK(todo.close.pop() == &b);
    CHECK(a.rested == 1h - 1s);
}

TEST_CASE_METHOD(fixture, "three connections lost within a second condemn all, and each server only once") {
    start();
    std::array<pool_slot*, 6> c{};
    for (auto& slot : c) slot = &borrow(0s);
    const auto lost = [&](int i, nanoseconds now, bool condemns = false) {
        const bool all = pool.lost(*c[static_cast<std::size_t>(i)], condemns, at(now), todo);
        pool.release(*c[static_cast<std::size_t>(i)], reuse::broken, at(now), todo);
        return all;
    };
    SECTION("three within a second") {
        pool.release(*c[5], reuse::clean, at(1s), todo);
        CHECK_FALSE(lost(0, 1s));
        CHECK_FALSE(lost(1, 1s));
        CHECK(pool.idle() == 1);
        CHECK(lost(2, 2s));
        CHECK(pool.idle() == 0);
        CHECK_FALSE(lost(3, 2s, true));  // of the server that was given up already
        pool.release(*c[4], reuse::clean, at(2s), todo);
        CHECK(pool.idle() == 0);
        CHECK(pool.generation() == 1);
    }
    SECTION("slower is chance") {
        CHECK_FALSE(lost(0, 1s));
        CHECK_FALSE(lost(1, 1s));
        CHECK_FALSE(lost(2, 2s + 1ns));
        CHECK_FALSE(lost(3, 3s));
        CHECK_FALSE(lost(4, 4s));
    }
    SECTION("one that says it for all") { CHECK(lost(0, 1s, true)); }
}

TEST_CASE_METHOD(fixture, "whoever waits counts on a reset for a while, then on another connection") {
    start();
    auto& dirty = borrow(0s);
    auto& w = wait(0, 1s);
    REQUIRE(dial_all(1s, true) == 1);
    auto& other = *w.slot;
    pool.release(dirty, reuse::needs_reset, at(2s), todo);
    auto& first = wait(1, 2s);
    CHECK(todo.dial.empty());
    CHECK(pool.due() == at(2s) + reset_patience);
    SECTION("a quick one opens nothing") {
        pool.reset_ended(dirty, true, at(2s) + reset_patience - 1ns, todo);
        CHECK(first.slot == &dirty);
        CHECK(pool.due() == never);
    }
    SECTION("a slow one does not keep him waiting") {
        pool.tick(at(2s) + reset_patience, todo);
        CHECK(pool.dialing() == 1);
        CHECK(dial_all(3s, true) == 1);
        CHECK(first.end == wait_end::granted);
        auto& second = wait(2, 3s);  // nor is it counted on by who comes later
        CHECK(pool.dialing() == 1);
        pool.reset_ended(dirty, true, at(4s), todo);
        CHECK(second.slot == &dirty);
        CHECK(dial_all(4s, true) == 0);  // nobody wants that one any more
    }
    SECTION("unless there is no room, until there is") {
        pool.resize(2, at(2s), todo);
        CHECK(pool.due() == first.deadline);
        pool.release(other, reuse::broken, at(3s), todo);
        CHECK(pool.dialing() == 0);
        pool.closed(other, at(3s), todo);
        CHECK(pool.dialing() == 1);
    }
}

TEST_CASE_METHOD(fixture, "a slow reset that nobody waits for opens nothing") {
    rules.min_idle = 1;
    start();
    auto& dirty = borrow(0s);
    while (dial_all(0s, true) > 0) {}
    REQUIRE(pool.idle() == 1);
    pool.release(dirty, reuse::needs_reset, at(1s), todo);
    CHECK(pool.try_acquire(at(1s), todo));
    CHECK(todo.dial.empty());  // the reset one will be the spare one
    pool.tick(at(1h), todo);
    CHECK(pool.dialing() == 0);
}

TEST_CASE_METHOD(fixture, "whoever runs the pool asks silent connections whether they live, two at a time") {
    rules.keepalive = 120s;
    start();
    std::array<pool_slot*, 4> c{};
    for (auto& slot : c) slot = &borrow(0s);
    for (int i = 0; i < 4; ++i) pool.release(*c[static_cast<std::size_t>(i)], reuse::clean, at(std::chrono::seconds(i)), todo);
    pool_waiter upkeep;
    pool.run(upkeep, at(5s), todo);
    pool.tick(at(35s), todo);
    CHECK(todo.check.empty());
    pool.tick(at(125s), todo);
    CHECK(todo.check.pop() == c[0]);  // the coldest first
    CHECK(todo.check.pop() == c[1]);
    CHECK(todo.check.empty());
    CHECK(pool.idle() == 2);
    SECTION("one that lives goes back to its place, one that does not is closed, and the next are asked") {
        pool.reset_ended(*c[0], true, at(126s), todo);
        CHECK(todo.check.pop() == c[2]);
        pool.reset_ended(*c[1], false, at(127s), todo);
        CHECK(todo.close.pop() == c[1]);
        CHECK(todo.check.pop() == c[3]);
        pool.reset_ended(*c[3], true, at(128s), todo);
        CHECK(todo.check.empty());
        pool.tick(at(200s), todo);
        CHECK(todo.check.empty());
        CHECK(pool.idle() == 2);
    }
    SECTION("nobody waits for a check while another connection may be opened, but its connection serves whoever waits") {
        for (int i = 0; i < 2; ++i) CHECK(pool.try_acquire(at(126s), todo));
        auto& w = wait(0, 126s);
        CHECK(pool.dialing() == 1);
        pool.reset_ended(*c[0], true, at(127s), todo);
        CHECK(w.slot == c[0]);
        CHECK(dial_all(127s, true) == 0);  // nobody wants it any more
    }
    SECTION("what is invalidated meanwhile is closed") {
        pool.invalidate(at(126s), todo);
        CHECK(todo.close.pop());
        CHECK(todo.close.pop());
        pool.reset_ended(*c[0], true, at(127s), todo);
        CHECK(todo.close.pop() == c[0]);
    }
}

TEST_CASE_METHOD(fixture, "sixteen may wait for each connection") {
    rules.max = 2;
    start();
    for (int i = 0; i < 32; ++i) CHECK(wait(i, 0s).end == wait_end::none);
    CHECK(wait(32, 0s).end == wait_end::queue_full);
}

TEST_CASE_METHOD(fixture, "leases that are held too long are told of once") {
    rules.leak_after = 10s;
    start();
    auto &a = borrow(0s), &b = borrow(4s);
    CHECK(pool.due() == at(10s));
    CHECK(pool.next_leak(at(10s)) == &a);
    CHECK(pool.next_leak(at(10s)) == nullptr);
    CHECK(pool.due() == at(14s));
    pool.release(b, reuse::clean, at(11s), todo);
    CHECK(pool.next_leak(at(14s)) == nullptr);
    pool.release(a, reuse::clean, at(15s), todo);
    CHECK(pool.due() == never);
}

TEST_CASE_METHOD(fixture, "min_idle is refilled when the pool is used, and not faster than a server that refuses allows") {
    rules.min_idle = 2;
    rules.redial = {10s, 10s, jitter::none};
    start();
    auto& a = borrow(0s);
    while (dial_all(0s, true) > 0) {}
    CHECK(pool.idle() == 2);
    CHECK(pool.try_acquire(at(1s), todo));
    CHECK(dial_all(1s, false) == 1);
    pool.release(a, reuse::broken, at(2s), todo);
    CHECK(pool.try_acquire(at(10s), todo));
    CHECK(pool.dialing() == 0);
    pool.release(slots[1], reuse::broken, at(11s), todo);
    CHECK(pool.dialing() == 1);
    CHECK(pool.due() == never);
}

TEST_CASE("percentiles are within an eighth above the truth") {
    wait_histogram h;
    for (int i = 1; i <= 100; ++i) h.add(i * 1ms);
    const pool_waits w = h.summary();
    CHECK(w.count == 100);
    CHECK(w.p50 >= 50ms);
    CHECK(w.p50 <= 58ms);
    CHECK(w.p99 >= 99ms);
    CHECK(w.p99 <= 113ms);
    wait_histogram extremes;
    extremes.add(0ns);
    extremes.add(nanoseconds::max());
    CHECK(extremes.summary().count == 2);
}
