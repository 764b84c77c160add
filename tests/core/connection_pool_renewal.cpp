// SPDX-License-Identifier: BSL-1.0
// What becomes of connections at the end of their lifetimes.
#include "pool_fixture.hpp"

#include <array>

using namespace pool_fixture;

namespace {

/// Connections that are replaced after 1000 s, and not lent after 1100 s.
struct mortal : fixture {
    mortal() { rules.max_lifetime = 1000s; }

    /// So many connections, opened at once and at rest since.
    void fill(int count) {
        start();
        std::vector<pool_slot*> all;
        for (int i = 0; i < count; ++i) all.push_back(&borrow(0s));
        for (pool_slot* const s : all) pool.release(*s, reuse::clean, at(1s), todo);
        REQUIRE(pool.idle() == count);
    }
    void use(nanoseconds now) {
        pool_slot* const s = pool.try_acquire(at(now), todo);
        REQUIRE(s);
        pool.release(*s, reuse::clean, at(now), todo);
    }
    int closed(nanoseconds now) {
        int n = 0;
        while (pool_slot* const s = todo.close.pop()) pool.closed(*s, at(now), todo), ++n;
        return n;
    }
};

}  // namespace

TEST_CASE_METHOD(mortal, "a connection is replaced in the last tenth of its lifetime, and not lent a tenth after it") {
    rules.max = 1;
    start();
    auto& w = wait(0, 0s);
    pool_slot& a = *todo.dial.pop();
    REQUIRE(pool.begin_dial(a, at(0s), todo));
    pool.dial_succeeded(a, at(0s), GENERATE(0ull, 1ull, ~0ull, 123456789012ull), todo);
    CHECK(w.slot == &a);
    CHECK(a.renew_at >= at(900s));
    CHECK(a.renew_at <= at(1000s));
    CHECK(a.retire_at == at(1100s));
    CHECK(pool.due() == never);
}

TEST_CASE_METHOD(mortal, "whoever is old serves until the successor is there") {
    rules.max = 2;
    fill(1);
    use(999s);
    CHECK(pool.dialing() == 0);
    use(1000s);
    CHECK(pool.dialing() == 1);
    CHECK(closed(1000s) == 0);
    SECTION("and is closed at rest when it comes") {
        use(1001s);
        CHECK(dial_all(1002s, true) == 1);
        CHECK(closed(1002s) == 1);
        CHECK(pool.idle() == 1);
        use(1003s);
        CHECK(pool.dialing() == 0);
    }
    SECTION("or when the one who holds it gives it back") {
        pool_slot* const a = pool.try_acquire(at(1001s), todo);
        CHECK(dial_all(1002s, true) == 1);
        CHECK(closed(1002s) == 0);
        CHECK(pool.idle() == 1);
        pool.release(*a, reuse::clean, at(1003s), todo);
        CHECK(todo.close.front() == a);
        CHECK(closed(1003s) == 1);
        CHECK(pool.idle() == 1);
    }
    SECTION("or when it breaks: then nothing more is closed") {
        pool_slot* const a = pool.try_acquire(at(1001s), todo);
        pool.release(*a, reuse::broken, at(1002s), todo);
        CHECK(closed(1002s) == 1);
        CHECK(dial_all(1002s, true) == 1);
        CHECK(pool.idle() == 1);
        CHECK(closed(1002s) == 0);
    }
    SECTION("until it must not be lent any more") {
        CHECK(dial_all(1002s, false) == 1);
        CHECK(pool.try_acquire(at(1099s), todo));
        CHECK(closed(1099s) == 0);
        pool.release(slots[0], reuse::clean, at(1100s), todo);
        CHECK(closed(1100s) == 1);
    }
}

TEST_CASE_METHOD(mortal, "without room the old one goes first, and its successor is opened unasked") {
    rules.max = 2;
    fill(2);
    use(1000s);
    CHECK(pool.dialing() == 0);
    CHECK(closed(1000s) == 1);
    CHECK(pool.idle() == 1);
    CHECK(dial_all(1000s, true) == 1);
    CHECK(pool.idle() == 2);
    CHECK(closed(1000s) == 0);
}

TEST_CASE_METHOD(mortal, "also while others wait: a pool that is always busy does not lose all its connections at once") {
    rules.max = 1;
    fill(1);
    pool_slot* const a = pool.try_acquire(at(1000s), todo);
    auto& w = wait(0, 1000s);
    pool.release(*a, reuse::clean, at(1000s), todo);
    CHECK(closed(1000s) == 1);
    CHECK(dial_all(1000s, true) == 1);
    CHECK(w.slot);
}

TEST_CASE_METHOD(mortal, "connections born together are replaced one by one, a tenth of the lifetime for all of them") {
    rules.max = 5;
    fill(4);
    pool_waiter upkeep;
    pool.run(upkeep, at(990s), todo);
    int replaced = 0;
    for (nanoseconds now = 1000s; now < 1100s; now += 1s) {
        if (pool.due() <= at(now)) pool.tick(at(now), todo);
        CHECK(pool.dialing() <= 1);
        replaced += dial_all(now, true);
        closed(now);
        CHECK(pool.idle() == 4);
        CHECK(replaced <= 1 + (now - 1000s) / 20s);
    }
    CHECK(replaced == 4);
}

TEST_CASE_METHOD(mortal, "a server that refuses is not asked for successors more often than its pauses allow") {
    rules.max = 2;
    rules.redial = {100s, 100s, jitter::none};
    fill(1);
    use(1000s);
    CHECK(dial_all(1000s, false) == 1);
    for (nanoseconds now = 1000s; now < 1100s; now += 1s) use(now);
    CHECK(pool.dialing() == 0);
    CHECK(closed(1099s) == 0);
}

TEST_CASE_METHOD(mortal, "what is condemned needs no successor") {
    rules.max = 2;
    fill(1);
    use(1000s);
    pool.invalidate(at(1001s), todo);
    CHECK(closed(1001s) == 1);
    CHECK(dial_all(1001s, true) == 0);
}
