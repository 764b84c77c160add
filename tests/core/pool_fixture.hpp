// SPDX-License-Identifier: BSL-1.0
#pragma once
// A pool's core, told by hand what happens and when.
#include "../support/catch.hpp"
#include "../support/wrong_password.hpp"

#include <kedge/core/connection_pool.hpp>

#include <boost/system/errc.hpp>

#include <vector>

namespace pool_fixture {

using namespace kedge;
using namespace kedge::core;
using namespace std::chrono_literals;

struct fixture {
    pool_rules rules;
    std::vector<pool_slot> slots = std::vector<pool_slot>(8);
    std::vector<pool_waiter> waiters = std::vector<pool_waiter>(200);
    connection_pool pool{rules};
    pool_actions todo;
    boost::system::error_code dial_error = make_error_code(boost::system::errc::connection_refused);

    void start() {
        pool = connection_pool(rules);
        for (auto& s : slots) pool.add_slot(s);
    }
    static time_point at(nanoseconds t) { return time_point(t); }

    pool_waiter& wait(int i, nanoseconds now, nanoseconds patience = 30s) {
        auto& w = waiters[static_cast<std::size_t>(i)];
        w.deadline = at(now) + patience;
        pool.acquire(w, at(now), todo);
        return w;
    }
    /// Starts what was asked for; returns how many.
    int dial_all(nanoseconds now, bool ok) {
        int n = 0;
        std::vector<pool_slot*> asked;
        while (pool_slot* const s = todo.dial.pop()) asked.push_back(s);
        for (pool_slot* const s : asked) {
            if (!pool.begin_dial(*s, at(now), todo)) continue;
            ++n;
            if (ok) pool.dial_succeeded(*s, at(now), 0, todo);
            else pool.dial_failed(*s, dial_error, at(now), ~0ull, todo);
        }
        return n;
    }
    pool_slot& borrow(nanoseconds now) {
        auto& w = wait(199, now);
        while (!w.slot) REQUIRE(dial_all(now, true) > 0);
        pool_slot& s = *w.slot;
        w = {};
        while (todo.done.pop()) {}
        return s;
    }
};

}  // namespace pool_fixture
