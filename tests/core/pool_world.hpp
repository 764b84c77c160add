// SPDX-License-Identifier: BSL-1.0
#pragma once
// A small pool (two connections, three callers), everything that can happen to it, and what must hold after each event.
#include "../support/catch.hpp"
#include "../support/wrong_password.hpp"
#include "pool_promises.hpp"

#include <kedge/core/connection_pool.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace pool_world {

using namespace kedge;
using namespace kedge::core;

constexpr int callers = 3, places = 2;
constexpr nanoseconds patience{2};

enum class what : std::uint8_t {
    acquire, try_acquire, cancel, deliver, recycle, reset, discard, condemn, begin, dial_ok, dial_fail, dial_deny, reset_ok,
    reset_fail, closed, resize, pass, tick, invalidate, drain,
};
constexpr std::array names{"acquire", "try_acquire", "cancel", "deliver", "recycle", "reset", "discard", "condemn", "begin",
                           "dial_ok", "dial_fail", "dial_deny", "reset_ok", "reset_fail", "closed", "resize", "pass", "tick",
                           "invalidate", "drain"};

struct step {
    what kind;
    int arg;
};

inline int arguments_of(what kind) { return kind < what::begin ? callers : kind <= what::resize ? places : 1; }

/// `granted`: on the way to its handler; whoever is destroyed there, or never looks at it, gives it back.
enum class caller_state : std::uint8_t { away, waiting, granted, holding, refused };

/// Core, callers and what the test knows of them. Copied onto itself only, so the pointers inside stay right.
struct world {
    connection_pool pool;
    pool_rules rules;
    std::array<pool_slot, places> slots{};
    std::array<pool_waiter, callers> waiters{};
    pool_waiter upkeep{}, drain_end{};
    std::array<caller_state, callers> state{};
    std::array<int, callers> owns{-1, -1, -1};
    std::array<int, callers> line{};             // who waits, in order of arrival
    std::array<time_point, places> reset_since{};  // never: it is not reset between two leases
    int waiting = 0;
    time_point now{};
    bool drained = false;
    std::optional<promise> broken{};

    void start(const pool_rules& r) {
        *this = world{connection_pool(r), r};
        for (auto& s : slots) pool.add_slot(s);
        now = time_point(nanoseconds(100));
        pool_actions todo;
        if (rules.keepalive > nanoseconds::zero() || rules.max_lifetime > nanoseconds::zero()) pool.run(upkeep, now, todo);
        carry_out(todo);
    }

    void check(bool holds, promise p) {
        if (!holds && !broken) broken = p;
    }
    int index(const pool_slot& s) const { return static_cast<int>(&s - slots.data()); }
    int index(const pool_waiter& w) const { return static_cast<int>(&w - waiters.data()); }
    pool_slot& slot(int s) { return slots[static_cast<std::size_t>(s)]; }
    slot_state& at(int s) { return slot(s).state; }
    pool_waiter& waiter(int i) { return waiters[static_cast<std::size_t>(i)]; }
    caller_state& of(int i) { return state[static_cast<std::size_t>(i)]; }
    int& owned_by(int i) { return owns[static_cast<std::size_t>(i)]; }
    int place_in_line(int i) const { return static_cast<int>(std::find(line.begin(), line.begin() + waiting, i) - line.begin()); }

    int owners(int s) const { return static_cast<int>(std::ranges::count(owns, s)); }
    int count(slot_state wanted) const { return static_cast<int>(std::ranges::count(slots, wanted, &pool_slot::state)); }
    int checked() const { return static_cast<int>(std::ranges::count(slots, true, &pool_slot::checked)); }
    /// Resets that somebody may count on.
    int quick_resets() const {
        int n = 0;
        for (std::size_t s = 0; s < slots.size(); ++s)
            n += slots[s].state == slot_state::resetting && !slots[s].checked && now < reset_since[s] + rules.slow_reset;
        return n;
    }
    int total() const { return places - count(slot_state::vacant); }
    bool is_fit(const pool_slot& s) const { return s.generation == pool.generation() && now < s.retire_at; }

    // What comes out of the pool

    void lent_to(int i, pool_slot* s) {
        check(s != nullptr, promise::ends_once);
        if (!s) return;
        check(owners(index(*s)) == 0, promise::owned);
        check(s->state == slot_state::lent && is_fit(*s), promise::fit);
        check(!drained, promise::drained);
        for (int k = 0; k < waiting && line[static_cast<std::size_t>(k)] != i; ++k)
            check(waiter(line[static_cast<std::size_t>(k)]).deadline <= now, promise::first_come);
        owned_by(i) = index(*s);
    }

    void ended(int i) {
        pool_waiter& w = waiter(i);
        check(of(i) == caller_state::waiting && w.end != wait_end::none, promise::ends_once);
        if (w.end == wait_end::granted) {
            check(w.deadline > now, promise::in_time);
            lent_to(i, w.slot);
        } else {
            check(w.slot == nullptr, promise::owned);
            if (w.end == wait_end::timed_out) check(w.deadline <= now, promise::in_time);
            if (w.end == wait_end::down) check(pool.pace().failures() > 0 && count(slot_state::lent) == 0, promise::served);
        }
        of(i) = w.end == wait_end::granted ? caller_state::granted : caller_state::refused;
        std::rotate(line.begin() + place_in_line(i), line.begin() + place_in_line(i) + 1, line.begin() + waiting);
        --waiting;
    }

    void drain_ended() {
        check(drained && (drain_end.end == wait_end::granted ? total() == 0 : drain_end.deadline <= now), promise::drained);
    }

    void closing(const pool_slot& s, int before) {
        check(owners(index(s)) == 0, promise::owned);
        const bool old = is_fit(s) && s.renew_at <= now && total() <= pool.max() && !drained;
        if (!old || before == pool.max()) return;
        check(std::ranges::any_of(slots, [&](const pool_slot& o) { return &o != &s && o.state != slot_state::vacant; }),
              promise::renewed);
    }

    void carry_out(pool_actions& todo, bool broke = false) {
        const int before = total();
        while (pool_waiter* const w = todo.done.pop()) {
            if (w == &drain_end) drain_ended();
            else if (w != &upkeep) ended(index(*w));
        }
        while (pool_slot* const s = todo.close.pop()) broke ? check(owners(index(*s)) == 0, promise::owned) : closing(*s, before);
        while (todo.dial.pop()) check(now >= pool.pace().next(), promise::paced);
        while (pool_slot* const s = todo.reset.pop()) reset_since[static_cast<std::size_t>(index(*s))] = now;
        while (pool_slot* const s = todo.check.pop()) check(s->checked && owners(index(*s)) == 0, promise::owned);
    }

    // What happens to it

    bool possible(const step& e) {
        switch (e.kind) {
        case what::acquire:
        case what::try_acquire: return of(e.arg) == caller_state::away;
        case what::cancel: return of(e.arg) == caller_state::waiting || of(e.arg) == caller_state::granted;
        case what::deliver: return of(e.arg) == caller_state::granted || of(e.arg) == caller_state::refused;
        case what::recycle: return owned_by(e.arg) >= 0;  // also of an operation that is destroyed on its way
        case what::reset:
        case what::discard:
        case what::condemn: return of(e.arg) == caller_state::holding;
        case what::begin: return at(e.arg) == slot_state::asked;
        case what::dial_ok:
        case what::dial_fail:
        case what::dial_deny: return at(e.arg) == slot_state::dialing;
        case what::reset_ok:
        case what::reset_fail: return at(e.arg) == slot_state::resetting;
        case what::closed: return at(e.arg) == slot_state::closing;
        case what::pass:
        case what::tick:
        case what::invalidate: return true;
        case what::resize: return pool.max() != e.arg + 1 && !drained;
        case what::drain: return !drained;
        }
        return false;
    }

    void give_back(int i, reuse how, pool_actions& todo) {
        pool_slot& s = slot(owned_by(i));
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

    void try_acquire(int i, pool_actions& todo) {
        pool_slot* const s = pool.try_acquire(now, todo);
        if (!s) return;
        lent_to(i, s);
        of(i) = caller_state::holding;
    }

    void cancel(int i) {
        const bool waited = of(i) == caller_state::waiting;
        check(pool.cancel(waiter(i), now) == waited, promise::cancelled);
        if (waited && !broken) ended(i);
        check(waited ? owned_by(i) < 0 : waiter(i).slot == &slot(owned_by(i)), promise::cancelled);
    }

    void condemn(int i, pool_actions& todo) {
        pool.lost(slot(owned_by(i)), true, now, todo);
        give_back(i, reuse::broken, todo);
    }

    void begin(int s, pool_actions& todo) {
        const int wanted = pool.waiting() + pool.renewal().wants_one() + std::max(0, rules.min_idle - count(slot_state::idle));
        if (!pool.begin_dial(slot(s), now, todo)) return;
        check(count(slot_state::dialing) + quick_resets() <= wanted, promise::paced);
        check(total() <= pool.max(), promise::counted);
    }

    void resize(int max, pool_actions& todo) {
        const int lent = count(slot_state::lent);
        pool.resize(max, now, todo);
        check(count(slot_state::lent) >= lent, promise::resized);
    }

    void drain(pool_actions& todo) {
        drained = true;
        pool.drain(todo);
        drain_end.deadline = now + patience;
        pool.wait_drained(drain_end, now);
        if (drain_end.end != wait_end::none) drain_ended();
    }

    void run(const step& e) {
        pool_actions todo;
        const int before = total();
        pool_slot& s = slot(std::min(e.arg, places - 1));
        const auto refused = make_error_code(boost::system::errc::connection_refused);
        switch (e.kind) {
        case what::acquire: acquire(e.arg, todo); break;
        case what::try_acquire: try_acquire(e.arg, todo); break;
        case what::cancel: cancel(e.arg); break;
        case what::deliver:
            of(e.arg) = of(e.arg) == caller_state::granted ? caller_state::holding : caller_state::away;
            break;
        case what::recycle: give_back(e.arg, reuse::clean, todo); break;
        case what::reset: give_back(e.arg, reuse::needs_reset, todo); break;
        case what::discard: give_back(e.arg, reuse::broken, todo); break;
        case what::condemn: condemn(e.arg, todo); break;
        case what::begin: begin(e.arg, todo); break;
        case what::dial_ok: pool.dial_succeeded(s, now, 0, todo); break;
        case what::dial_fail: pool.dial_failed(s, refused, now, 0, todo); break;
        case what::dial_deny: pool.dial_failed(s, kedge_test::wrong_password(), now, 0, todo); break;
        case what::reset_ok: pool.reset_ended(s, true, now, todo); break;
        case what::reset_fail: pool.reset_ended(s, false, now, todo); break;
        case what::closed: pool.closed(s, now, todo); break;
        case what::pass: now += nanoseconds(1); break;  // the timer is late
        case what::tick: tick(todo); break;
        case what::resize: resize(e.arg + 1, todo); break;
        case what::invalidate: pool.invalidate(now, todo); break;
        case what::drain: drain(todo); break;
        }
        const bool denied = e.kind == what::dial_deny && count(slot_state::lent) + count(slot_state::resetting) == 0;
        carry_out(todo, e.kind >= what::discard && e.kind <= what::reset_fail);
        check_places(before);
        check_line();
        check(!denied || waiting == 0, promise::told);
    }

    void tick(pool_actions& todo) {
        now += nanoseconds(1);
        if (pool.due() <= now) pool.tick(now, todo);
    }

    // What must hold afterwards

    void check_places(int before) {
        const int idle = count(slot_state::idle), dialing = count(slot_state::dialing) + count(slot_state::asked);
        for (int s = 0; s < places; ++s) check(owners(s) == (at(s) == slot_state::lent ? 1 : 0), promise::owned);
        check(pool.idle() == idle && pool.used() == count(slot_state::lent) && pool.dialing() == dialing &&
                  pool.resetting() == count(slot_state::resetting) && pool.closing() == count(slot_state::closing) &&
                  pool.waiting() == waiting && checked() <= count(slot_state::resetting),
              promise::gauges);
        check(total() <= std::max(pool.max(), before), promise::counted);
        check(idle == 0 || total() - count(slot_state::closing) <= pool.max(), promise::resized);
        check(dialing <= (pool.pace().failures() > 0 ? 1 : most_dials), promise::paced);
        if (drained) check(idle == 0 && waiting == 0 && (total() > 0 || drain_end.end != wait_end::none), promise::drained);
    }

    void check_line() {
        if (waiting == 0) return;
        const int resets = count(slot_state::resetting), slow = resets - quick_resets();
        const int on_the_way = total() - count(slot_state::idle) - count(slot_state::lent) - slow;
        check(count(slot_state::idle) == 0 && pool.due() != never, promise::served);
        const time_point soon = std::max(pool.pace().next(), slow > 0 ? now : time_point{});  // the timer may be late
        check(on_the_way > 0 || total() >= pool.max() || pool.due() <= soon, promise::served);
        if (quick_resets() > 0 && on_the_way == quick_resets() && total() < pool.max())
            check(pool.due() <= std::max(pool.pace().next(), now + rules.slow_reset), promise::served);
    }
};
static_assert(std::is_trivially_copyable_v<pool_waiter> && std::is_trivially_copyable_v<pool_slot>);

}  // namespace pool_world
