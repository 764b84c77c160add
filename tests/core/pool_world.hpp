// SPDX-License-Identifier: BSL-1.0
#pragma once
// Every sequence of events on a small pool (two connections, three callers), merged by state, breadth first. After each
// event the promises of the pool are checked, and from each new state two fair runs lead to the end: with the server up
// and with the server down.
#include "../support/catch.hpp"

#include <kedge/core/connection_pool.hpp>

#include <boost/system/errc.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

namespace pool_world {

using namespace kedge;
using namespace kedge::core;

constexpr int callers = 3, places = 2;
constexpr nanoseconds patience{2};

enum class what : std::uint8_t {
    acquire, cancel, deliver, abandon, recycle, reset, discard, begin, dial_ok, dial_fail, reset_ok, reset_fail, closed,
    pass, tick, resize, invalidate, drain,
};
constexpr std::array names{"acquire", "cancel", "deliver", "abandon", "recycle", "reset", "discard", "begin", "dial_ok",
                           "dial_fail", "reset_ok", "reset_fail", "closed", "pass", "tick", "resize", "invalidate", "drain"};

struct step {
    what kind;
    int arg;
};

std::vector<step> all_steps() {
    std::vector<step> steps;
    for (int k = 0; k <= static_cast<int>(what::drain); ++k) {
        const auto kind = static_cast<what>(k);
        const int args = kind <= what::discard ? callers : kind <= what::closed || kind == what::resize ? places : 1;
        for (int a = 0; a < args; ++a) steps.push_back({kind, a});
    }
    return steps;
}

enum class caller_state : std::uint8_t { away, waiting, granted, holding, refused };

/// Core, callers and what the test knows of them. Copied onto itself only, so the pointers inside stay right.
struct world {
    connection_pool pool;
    std::array<pool_slot, places> slots{};
    std::array<pool_waiter, callers> waiters{};
    pool_waiter upkeep{};
    std::array<caller_state, callers> state{};
    std::array<int, callers> owns{-1, -1, -1};
    std::array<int, callers> line{};  // who waits, in order of arrival
    int waiting = 0;
    time_point now{};
    nanoseconds keepalive{};
    bool drained = false;
    const char* broken = nullptr;

    void start(const pool_rules& rules) {
        *this = world{connection_pool(rules)};
        for (auto& s : slots) pool.add_slot(s);
        now = time_point(nanoseconds(100));
        keepalive = rules.keepalive;
        pool_actions todo;
        if (keepalive > nanoseconds::zero()) pool.run(upkeep, now, todo);
    }

    void check(bool holds, const char* promise) {
        if (!holds && !broken) broken = promise;
    }
    int index(const pool_slot& s) const { return static_cast<int>(&s - slots.data()); }
    int index(const pool_waiter& w) const { return static_cast<int>(&w - waiters.data()); }
    slot_state& at(int s) { return slots[static_cast<std::size_t>(s)].state; }
    pool_waiter& waiter(int i) { return waiters[static_cast<std::size_t>(i)]; }
    caller_state& of(int i) { return state[static_cast<std::size_t>(i)]; }
    int& owned_by(int i) { return owns[static_cast<std::size_t>(i)]; }

    int owners(int s) const {
        int n = 0;
        for (const int o : owns) n += o == s;
        return n;
    }
    int count(slot_state wanted) const {
        int n = 0;
        for (const auto& s : slots) n += s.state == wanted;
        return n;
    }
    int checked() const {
        int n = 0;
        for (const auto& s : slots) n += s.checked;
        return n;
    }
    int total() const { return places - count(slot_state::vacant); }

    void leave_line(int caller) {
        int kept = 0;
        for (int i = 0; i < waiting; ++i)
            if (line[static_cast<std::size_t>(i)] != caller)
                line[static_cast<std::size_t>(kept++)] = line[static_cast<std::size_t>(i)];
        waiting = kept;
    }

    void ended(int i) {
        pool_waiter& w = waiter(i);
        check(of(i) == caller_state::waiting, "an acquire ends once");
        if (w.end == wait_end::granted) {
            check(w.slot != nullptr, "granted means lent");
            if (!w.slot) return;
            const int s = index(*w.slot);
            check(owners(s) == 0, "a connection has one owner");
            check(at(s) == slot_state::lent && w.slot->generation == pool.generation(), "nothing invalid is lent");
            check(w.deadline > now, "nobody is served after his deadline");
            check(!drained, "nothing is lent after a drain");
            for (int k = 0; k < waiting && line[static_cast<std::size_t>(k)] != i; ++k)
                check(waiter(line[static_cast<std::size_t>(k)]).deadline <= now, "nobody is overtaken");
            owned_by(i) = s;
            of(i) = caller_state::granted;
        } else {
            check(w.end != wait_end::none && w.slot == nullptr, "refused means nothing lent");
            if (w.end == wait_end::timed_out) check(w.deadline <= now, "nobody is refused before his deadline");
            if (w.end == wait_end::down)
                check(pool.failures() > 0 && count(slot_state::idle) + count(slot_state::lent) == 0, "down means nothing alive");
            of(i) = caller_state::refused;
        }
        leave_line(i);
    }

    void carry_out(pool_actions& todo) {
        while (pool_waiter* const w = todo.done.pop())
            if (w != &upkeep) ended(index(*w));
        while (pool_slot* const s = todo.close.pop()) check(owners(index(*s)) == 0, "nothing that is lent is closed");
        while (todo.dial.pop()) check(now >= pool.next_dial(), "no dial during the pause after a failure");
        while (todo.reset.pop()) {}
        while (pool_slot* const s = todo.check.pop()) check(s->checked && owners(index(*s)) == 0, "only what rests is checked");
    }

    bool possible(const step& e) {
        switch (e.kind) {
        case what::acquire: return of(e.arg) == caller_state::away;
        case what::cancel: return of(e.arg) == caller_state::waiting || of(e.arg) == caller_state::granted;
        case what::deliver: return of(e.arg) == caller_state::granted || of(e.arg) == caller_state::refused;
        case what::abandon: return of(e.arg) == caller_state::granted;
        case what::recycle:
        case what::reset:
        case what::discard: return of(e.arg) == caller_state::holding;
        case what::begin: return at(e.arg) == slot_state::asked;
        case what::dial_ok:
        case what::dial_fail: return at(e.arg) == slot_state::dialing;
        case what::reset_ok:
        case what::reset_fail: return at(e.arg) == slot_state::resetting;
        case what::closed: return at(e.arg) == slot_state::closing;
        case what::pass:
        case what::tick: return true;
        case what::resize: return pool.max() != e.arg + 1 && !drained;
        case what::invalidate: return pool.generation() < 2;
        case what::drain: return !drained;
        }
        return false;
    }

    void give_back(int i, reuse how, pool_actions& todo) {
        pool_slot& s = slots[static_cast<std::size_t>(owned_by(i))];
        owned_by(i) = -1;
        of(i) = caller_state::away;
        pool.release(s, how, now, todo);
    }

    void acquire(int i, pool_actions& todo) {
        waiter(i) = pool_waiter{};
        waiter(i).deadline = now + patience;
        of(i) = caller_state::waiting;
        line[static_cast<std::size_t>(waiting++)] = i;
        pool.acquire(waiter(i), now, todo);
        if (waiter(i).end != wait_end::none) ended(i);
    }

    void cancel(int i) {
        const bool left = pool.cancel(waiter(i));
        check(left == (of(i) == caller_state::waiting), "a cancelled wait is over, a granted one is not");
        if (left) ended(i);
    }

    void begin(int s, pool_actions& todo) {
        const int waiting_now = pool.waiting();
        if (!pool.begin_dial(slots[static_cast<std::size_t>(s)], now, todo)) return;
        check(count(slot_state::dialing) + count(slot_state::resetting) - checked() <= waiting_now, "nobody dials in vain");
    }

    void run(const step& e) {
        pool_actions todo;
        const int before = total();
        auto& slot = slots[static_cast<std::size_t>(e.arg < places ? e.arg : 0)];
        switch (e.kind) {
        case what::acquire: acquire(e.arg, todo); break;
        case what::cancel: cancel(e.arg); break;
        case what::deliver:
            of(e.arg) = of(e.arg) == caller_state::granted ? caller_state::holding : caller_state::away;
            break;
        case what::abandon:
        case what::recycle: give_back(e.arg, reuse::clean, todo); break;
        case what::reset: give_back(e.arg, reuse::needs_reset, todo); break;
        case what::discard: give_back(e.arg, reuse::broken, todo); break;
        case what::begin: begin(e.arg, todo); break;
        case what::dial_ok: pool.dial_succeeded(slot, now, 0, todo); break;
        case what::dial_fail:
            pool.dial_failed(slot, make_error_code(boost::system::errc::connection_refused), now, 0, todo);
            break;
        case what::reset_ok: pool.reset_ended(slot, true, now, todo); break;
        case what::reset_fail: pool.reset_ended(slot, false, now, todo); break;
        case what::closed: pool.closed(slot, now, todo); break;
        case what::pass: now += nanoseconds(1); break;  // the timer is late
        case what::tick:
            now += nanoseconds(1);
            if (pool.due() <= now) pool.tick(now, todo);
            break;
        case what::resize: pool.resize(e.arg + 1, now, todo); break;
        case what::invalidate: pool.invalidate(now, todo); break;
        case what::drain:
            drained = true;
            pool.drain(todo);
            break;
        }
        carry_out(todo);
        check_promises(before);
    }

    void check_promises(int before) {
        const int idle = count(slot_state::idle), dialing = count(slot_state::dialing) + count(slot_state::asked);
        const int resetting = count(slot_state::resetting), closing = count(slot_state::closing);
        for (int s = 0; s < places; ++s)
            check(owners(s) == (at(s) == slot_state::lent ? 1 : 0), "what is lent has an owner, nothing else has");
        check(pool.idle() == idle && pool.used() == count(slot_state::lent) && pool.dialing() == dialing &&
                  pool.resetting() == resetting && pool.closing() == closing && pool.waiting() == waiting,
              "the gauges are right");
        check(checked() == 0 || count(slot_state::resetting) >= checked(), "a check is a reset of a connection at rest");
        check(total() <= pool.max() || total() <= before, "never more than the maximum");
        check(dialing <= most_dials && (pool.failures() == 0 || dialing <= 1), "one prober after a failure");
        if (drained) check(idle == 0 && waiting == 0, "a drained pool keeps nothing");
        if (waiting == 0) return;
        check(idle == 0, "nobody waits while a connection is idle");
        check(pool.due() != never, "whoever waits has a timer");
        const bool coming = dialing + resetting + closing > 0 || total() >= pool.max();
        check(coming || pool.due() <= pool.next_dial(), "whoever waits is dialed for, or a retry is timed");
    }

    void fair_round(bool server_up) {
        for (int i = 0; i < callers; ++i) {
            if (possible({what::deliver, i})) run({what::deliver, i});
            if (server_up && possible({what::recycle, i})) run({what::recycle, i});
        }
        for (int s = 0; s < places; ++s) {
            if (possible({what::closed, s})) run({what::closed, s});
            if (possible({what::reset_ok, s})) run({server_up ? what::reset_ok : what::reset_fail, s});
            if (possible({what::begin, s})) run({what::begin, s});
            if (possible({what::dial_ok, s})) run({server_up ? what::dial_ok : what::dial_fail, s});
        }
    }

    void fair_run(bool server_up) {
        for (int round = 0; round < 8 && !broken; ++round) {
            fair_round(server_up);
            if (round >= 3) run({what::tick, 0});
        }
        for (int i = 0; i < callers; ++i) check(of(i) != caller_state::waiting, "every wait ends");
        if (!server_up || broken) return;
        if (drained) return check(pool.nothing_left(), "a drain ends");
        bool served = false;
        for (int attempt = 0; attempt < 4 && !served && !broken; ++attempt) {
            fair_round(true);
            run({what::acquire, 0});
            for (int round = 0; round < 3 && of(0) == caller_state::waiting; ++round) fair_round(true), run({what::tick, 0});
            served = of(0) == caller_state::granted;
        }
        check(served, "once the server is back, callers are served");
    }

    using key = std::string;
    key identity() {
        key k;
        const auto put = [&](std::int64_t v) { k.push_back(static_cast<char>(v < -2 ? -2 : v > 100 ? 100 : v)); };
        const auto moment = [&](time_point t) { put(t == never ? 50 : t <= now ? 0 : (t - now).count()); };
        for (int i = 0; i < callers; ++i) {
            put(static_cast<int>(of(i)));
            put(owned_by(i));
            put(of(i) == caller_state::waiting ? std::max<std::int64_t>(-1, (waiter(i).deadline - now).count()) : 9);
        }
        for (int i = 0; i < waiting; ++i) put(line[static_cast<std::size_t>(i)]);
        put(77);
        for (auto& s : slots) {
            put(static_cast<int>(s.state));
            put(s.generation == pool.generation());
            put(s.state == slot_state::idle && s.after);
            put(s.checked);
            if (keepalive > nanoseconds::zero() && s.state == slot_state::idle) moment(s.alive_at + keepalive);
        }
        put(pool.max());
        put(pool.generation());
        put(drained);
        put(pool.is_down());
        put(std::min(pool.failures(), 3));
        moment(pool.due());
        moment(pool.next_dial());
        return k;
    }
};
static_assert(std::is_trivially_copyable_v<pool_waiter> && std::is_trivially_copyable_v<pool_slot>);

}  // namespace pool_world
