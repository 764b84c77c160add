// SPDX-License-Identifier: BSL-1.0
#pragma once
// What can happen to the pool of the model, one thing at a time, and the fair runs that end every history.

#include "../support/wrong_password.hpp"
#include "pool_model.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace pool_property {

constexpr auto refused_by_server = boost::system::errc::connection_refused;

class player {
public:
    explicit player(model& world) : m(world) {}

    /// False: it could not happen to anybody.
    bool play(const happening& e) {
        m.now += e.after * unit;
        const int who = target(e);
        if (who < 0) return false;
        tell(e, who);
        const int before = m.total();
        pool_actions todo;
        if (of_a_caller(e.kind)) by_caller(e, who, todo);
        else if (of_a_connection(e.kind)) by_connection(e, who, todo);
        else by_pool(e, who, todo);
        m.carry_out(todo, coldest_);
        after_tick();
        m.check_promises(before);
        return true;
    }

    bool possible(what kind, int n) const {
        switch (kind) {
        case what::acquire:
        case what::try_acquire: return n < most_callers && m.of(n).is == caller_state::away;
        case what::cancel: return m.of(n).is == caller_state::waiting || m.of(n).is == caller_state::granted;
        case what::deliver:
        case what::abandon: return m.of(n).is == caller_state::granted;
        case what::recycle:
        case what::reset:
        case what::discard:
        case what::lose:
        case what::condemn: return m.of(n).is == caller_state::holding;
        case what::begin: return m.at(n).is == stage::asked;
        case what::dial_ok:
        case what::dial_fail:
        case what::dial_deny: return m.at(n).is == stage::dialing;
        case what::reset_ok:
        case what::reset_fail: return m.at(n).is == stage::resetting || m.at(n).is == stage::checking;
        case what::closed: return m.at(n).is == stage::closing;
        case what::run: return !runner(n).waits;
        case what::stop: return runner(n).waits;
        case what::shut_down: return !stopper(n).waits;
        case what::give_up: return stopper(n).waits;
        case what::tick:
        case what::resize:
        case what::invalidate: return true;
        }
        return false;
    }

private:
    other& runner(int n) const { return m.runners[static_cast<std::size_t>(n)]; }
    other& stopper(int n) const { return m.stoppers[static_cast<std::size_t>(n)]; }

    int target(const happening& e) const {
        const int all = of_a_caller(e.kind) ? most_callers : of_a_connection(e.kind) ? most_places : 2;
        for (int i = 0; i < all; ++i)
            if (const int n = (e.who + i) % all; possible(e.kind, n)) return n;
        return -1;
    }

    void tell(const happening& e, int who) {
        if (!m.story.wanted()) return;
        std::string text = info(e.kind).name;
        if (of_a_caller(e.kind)) text += " by caller " + std::to_string(who);
        if (of_a_connection(e.kind)) text += " of connection " + std::to_string(who);
        if (e.kind == what::acquire || e.kind == what::shut_down) text += ", patience " + std::to_string(e.number);
        if (e.kind == what::resize) text += " to " + std::to_string(size_of(e));
        m.story.line(m.now, text);
    }

    static std::uint64_t chance(const happening& e) { return e.number * std::uint64_t{0x9E3779B97F4A7C15}; }
    static int size_of(const happening& e) { return 1 + e.number % most_places; }

    void by_caller(const happening& e, int i, pool_actions& todo) {
        switch (e.kind) {
        case what::acquire: return acquire(i, e.number, todo);
        case what::try_acquire: return try_acquire(i, todo);
        case what::cancel: return cancel(i);
        case what::deliver: return void(m.of(i).is = caller_state::holding);
        case what::reset: return give_back(i, reuse::needs_reset, todo);
        case what::discard: return give_back(i, reuse::broken, todo);
        case what::lose:
        case what::condemn: return lose(i, e.kind == what::condemn, todo);
        default: return give_back(i, reuse::clean, todo);
        }
    }

    void acquire(int i, int patience, pool_actions& todo) {
        caller& c = m.of(i);
        c.wait = pool_waiter{};
        c.wait.deadline = m.now + patience * unit;
        if (patience % 2 == 0) c.wait.use_by = c.wait.deadline;  // others do not mind how fast the line moves
        c.is = caller_state::waiting;
        m.line[static_cast<std::size_t>(m.waiting++)] = i;
        m.pool.acquire(c.wait, m.now, todo);
        if (c.wait.end != wait_end::none) return m.ended(i);
        if (m.waiting == 1) m.moved = m.now;
        m.check(m.waiting <= waiters_per_connection * m.pool.max(), promise::in_time, "a full line refuses");
    }

    void try_acquire(int i, pool_actions& todo) {
        pool_slot* const slot = m.pool.try_acquire(m.now, todo);
        if (slot) return m.take(i, slot);
        m.carry_out(todo);
        m.check(m.count(stage::resting) == 0, promise::served, "a try fails only if nothing is idle");
    }

    void cancel(int i) {
        caller& c = m.of(i);
        const bool left = m.pool.cancel(c.wait, m.now);
        m.check(left == (c.is == caller_state::waiting), promise::cancelled,
                "whoever waits can leave, whoever was granted something cannot");
        if (!left) return;
        const wait_end end = c.wait.deadline <= m.now ? wait_end::timed_out : wait_end::cancelled;
        m.check(c.wait.end == end, promise::cancelled, "whoever leaves is told why");
        m.ended(i);
    }

    int let_go(int i, reuse how) {
        caller& c = m.of(i);
        const int s = std::exchange(c.owns, -1);
        c.is = caller_state::away;
        m.at(s).owner = -1;
        m.at(s).is = stage::arriving;
        m.at(s).broken = how == reuse::broken;
        return s;
    }
    void give_back(int i, reuse how, pool_actions& todo) { m.pool.release(m.slot(let_go(i, how)), how, m.now, todo); }

    void lose(int i, bool condemns, pool_actions& todo) {
        const int s = let_go(i, reuse::broken);
        bool all = false;
        if (m.at(s).epoch == m.epoch) {
            all = condemns || (m.losses[0] != never && m.now - m.losses[0] <= losses_within);
            m.losses = {m.losses[1], m.now};
        }
        if (all) m.losses = {never, never}, ++m.epoch;
        const bool said = m.pool.lost(m.slot(s), condemns, m.now, todo);
        m.check(said == all, promise::fit, "three losses in a second, or the server's word, condemn");
        m.pool.release(m.slot(s), reuse::broken, m.now, todo);
    }

    void by_connection(const happening& e, int s, pool_actions& todo) {
        switch (e.kind) {
        case what::begin: return begin(s, todo);
        case what::dial_ok: return dial_succeeded(s, e, todo);
        case what::dial_fail:
        case what::dial_deny: return dial_failed(s, e, todo);
        case what::closed: m.at(s).is = stage::none; return m.pool.closed(m.slot(s), m.now, todo);
        default: return reset_ended(s, e.kind == what::reset_ok, todo);
        }
    }

    void begin(int s, pool_actions& todo) {
        const bool wanted = m.coming() <= m.wanted();
        const bool fits = !m.drained && m.alive() + m.dialing() + m.count(stage::closing) <= m.pool.max();
        const bool begun = m.pool.begin_dial(m.slot(s), m.now, todo);
        m.check(begun == (wanted && fits), promise::paced, "nobody dials in vain, and what is wanted is dialed");
        link& l = m.at(s) = {};
        if (!begun) return;
        l.is = stage::dialing;
        l.epoch = m.epoch;
    }

    void dial_succeeded(int s, const happening& e, pool_actions& todo) {
        m.at(s).is = stage::arriving;
        m.at(s).opened = m.now;
        m.failures = 0;
        m.next_dial = {};
        m.pool.dial_succeeded(m.slot(s), m.now, chance(e), todo);
        const bool old = std::any_of(m.links.begin(), m.links.end(),
                                     [this](const link& l) { return l.is != stage::none && m.is_old(l); });
        m.check(old || !m.pool.renewal().wants_one(), promise::renewed,
                "a successor that has come is not wanted any more");
    }

    void dial_failed(int s, const happening& e, pool_actions& todo) {
        m.at(s).is = stage::none;
        const bool stays = e.kind == what::dial_deny;
        const error_code why = stays ? kedge_test::wrong_password() : make_error_code(refused_by_server);
        if (m.failures == 0) m.down_at = m.now + m.rules.fail_after;
        if (stays) m.down_at = std::min(m.down_at, m.now);
        m.locked_out = stays;
        const int doublings = stays ? 20 : std::min(m.failures, 20);
        ++m.failures;
        const nanoseconds longest = std::min<nanoseconds>(m.rules.redial.cap, m.rules.redial.base * (1 << doublings));
        const nanoseconds pause = m.pool.dial_failed(m.slot(s), why, m.now, chance(e), todo);
        nanoseconds shortest = m.rules.redial.spread == jitter::none ? longest : longest / 2;
        if (!stays && m.rules.redial.spread == jitter::full) shortest = nanoseconds::zero();
        m.check(shortest <= pause && pause <= longest, promise::paced, "the pauses between dials grow");
        m.next_dial = m.now + pause;
    }

    void reset_ended(int s, bool ok, pool_actions& todo) {
        coldest_ = m.at(s).is == stage::checking && m.waiting == 0;
        m.at(s).is = stage::arriving;
        m.at(s).broken = !ok;
        m.pool.reset_ended(m.slot(s), ok, m.now, todo);
    }

    void by_pool(const happening& e, int n, pool_actions& todo) {
        switch (e.kind) {
        case what::tick: return tick(e.number % 2 == 1, todo);
        case what::run: return run(runner(n), todo);
        case what::stop: return leave(runner(n));
        case what::shut_down: return shut_down(stopper(n), e.number, todo);
        case what::give_up: return leave(stopper(n));
        case what::resize: m.add_places(size_of(e)); return m.pool.resize(size_of(e), m.now, todo);
        default: ++m.epoch; return m.pool.invalidate(m.now, todo);
        }
    }

    void tick(bool in_time, pool_actions& todo) {
        if (in_time && m.pool.due() != never) m.now = std::max(m.now, m.pool.due());
        ticked_ = true;
        upkept_ = m.somebody_runs() && m.upkeep_at <= m.now;
        const bool maybe =
            upkept_ || (m.somebody_runs() && m.rules.max_lifetime > nanoseconds::zero());  // renewing hurries it
        if (maybe) m.upkeep_at = m.now + m.rules.upkeep_every;
        m.pool.tick(m.now, todo);
    }

    /// What the timer is for, once it has rung.
    void after_tick() {
        coldest_ = false;
        if (!std::exchange(ticked_, false)) return;
        for (int k = 0; k < m.waiting; ++k)
            m.check(m.in_line(k).wait.deadline > m.now, promise::in_time, "whose time is up is refused");
        for (const other& o : m.stoppers)
            m.check(!o.waits || o.wait.deadline > m.now, promise::drained, "a shutdown gives up at its deadline");
        while (pool_slot* const slot = m.broken ? nullptr : m.pool.next_leak(m.now)) {
            link& l = m.at(m.index(*slot));
            m.check(l.is == stage::lent && !l.told && long_lease(l), promise::gauges, "a long lease is told of once");
            l.told = true;
        }
        for (const link& l : m.links)
            m.check(l.is != stage::lent || l.told || !long_lease(l), promise::gauges, "a long lease is told of");
        if (!std::exchange(upkept_, false)) return;
        for (const link& l : m.links) {
            if (l.is != stage::resting) continue;
            m.check(!m.outlived(l), promise::fit, "upkeep closes what outlived its time");
            const bool coldest = l.parked == coldest_at_rest();
            m.check(!coldest || !m.rested_too_long(l) || m.count(stage::resting) <= m.rules.min_idle, promise::fit,
                    "upkeep closes what rested for too long");
            m.check(!m.is_over(l.heard, m.rules.keepalive) || m.count(stage::checking) == most_checks, promise::fit,
                    "upkeep checks what is silent");
        }
    }
    int coldest_at_rest() const {
        int parked = m.newest;
        for (const link& l : m.links)
            if (l.is == stage::resting) parked = std::min(parked, l.parked);
        return parked;
    }
    bool long_lease(const link& l) const { return m.is_over(l.lent, m.rules.leak_after); }

    void run(other& o, pool_actions& todo) {
        if (!m.somebody_runs()) m.upkeep_at = m.now + m.rules.upkeep_every;
        o = {{}, true};
        m.pool.run(o.wait, m.now, todo);
        if (o.wait.end != wait_end::none) m.stopped(o);
    }

    void leave(other& o) {
        m.check(m.pool.cancel(o.wait, m.now), promise::cancelled, "whoever waits can leave");
        o.waits = false;
    }

    void shut_down(other& o, int patience, pool_actions& todo) {
        if (!std::exchange(m.drained, true)) m.pool.drain(todo);
        m.carry_out(todo);
        o = {{}, true};
        o.wait.deadline = m.now + patience * unit;
        m.pool.wait_drained(o.wait, m.now);
        if (o.wait.end != wait_end::none) m.stopped(o);
    }

    model& m;
    bool coldest_ = false, ticked_ = false, upkept_ = false;
};

}  // namespace pool_property
