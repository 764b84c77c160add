// SPDX-License-Identifier: BSL-1.0
// A line that is longer than the time of those who would join it.
#include "pool_fixture.hpp"

using namespace pool_fixture;

namespace {

/// Four connections, each held for 20 ms: somebody is served every 5 ms.
struct busy : fixture {
    nanoseconds now = 1s;
    int next = 0;

    busy() {
        rules.max = 4;
        start();
        std::vector<pool_slot*> held;
        for (int i = 0; i < 4; ++i) held.push_back(&borrow(0s));
        for (int i = 0; i < 4; ++i) join(1h);
        for (int i = 0; i < 200; ++i) serve(*held[static_cast<std::size_t>(i % 4)]), join(1h);
    }
    pool_waiter& join(nanoseconds patience) {
        auto& w = waiters[static_cast<std::size_t>(next++ % 100)];
        w = {};
        w.use_by = w.deadline = at(now) + patience;
        pool.acquire(w, at(now), todo);
        return w;
    }
    void serve(pool_slot& s) {
        now += 5ms;
        pool.release(s, reuse::clean, at(now), todo);
        while (todo.done.pop()) {}
    }
};

}  // namespace

TEST_CASE_METHOD(busy, "who could not be served in time, with a quarter of it left, is refused at once") {
    REQUIRE(pool.waiting() == 4);
    CHECK(join(33ms).end == wait_end::queue_full);  // five times 5 ms, and a third of that
    CHECK(join(35ms).end == wait_end::none);
    CHECK(join(35ms).end == wait_end::queue_full);
    CHECK(join(41ms).end == wait_end::none);
    SECTION("but not who only wants to wait no longer") {
        auto& w = waiters[150];
        w.deadline = at(now) + 1ms;
        pool.acquire(w, at(now), todo);
        CHECK(w.end == wait_end::none);
    }
}

TEST_CASE_METHOD(busy, "while fewer wait than there are connections, nobody knows") {
    serve(slots[0]);
    REQUIRE(pool.waiting() == 3);
    CHECK(join(1ms).end == wait_end::none);
}

TEST_CASE_METHOD(busy, "a line that stood still is forgiven while it moves again") {
    now += 1s;
    for (int i = 0; i < 4; ++i) serve(slots[static_cast<std::size_t>(i)]), join(1h);
    CHECK(join(100ms).end == wait_end::queue_full);
    for (int i = 0; i < 60; ++i) serve(slots[static_cast<std::size_t>(i % 4)]), join(1h);
    CHECK(join(100ms).end == wait_end::none);
}

TEST_CASE_METHOD(busy, "a pool that has lost everything judges nobody by what was before") {
    now += 1s;
    for (int i = 0; i < 4; ++i) serve(slots[static_cast<std::size_t>(i)]), join(1h);
    while (pool.waiting() > 0) serve(slots[0]);
    for (int i = 0; i < 4; ++i) pool.release(slots[static_cast<std::size_t>(i)], reuse::broken, at(now), todo);
    while (pool_slot* const s = todo.close.pop()) pool.closed(*s, at(now), todo);
    REQUIRE(pool.used() + pool.idle() == 0);
    CHECK(join(1ms).end == wait_end::none);
}

TEST_CASE_METHOD(busy, "the time in which nobody waited does not count") {
    while (pool.waiting() > 0) serve(slots[0]);
    now += 1h;
    for (int i = 0; i < 4; ++i) join(1h);
    serve(slots[0]);
    join(1h);
    CHECK(join(50ms).end == wait_end::none);
}
