// SPDX-License-Identifier: BSL-1.0
#pragma once
// A connection pool's core, those who use it, and what the test itself knows of each connection: it believes nothing that
// the pool says of itself, except whether it is about to replace an old connection. The promises are checked after each event.

#include "pool_history.hpp"
#include "pool_notes.hpp"
#include "pool_promises.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace pool_property {

using pool_world::promise;

struct finding {
    promise broken;
    const char* detail;
};

/// Copied onto itself only, so the pointers inside stay right.
struct model {
    pool_rules rules;
    connection_pool pool;
    std::array<pool_slot, most_places> slots{};
    std::array<link, most_places> links{};
    std::array<caller, most_callers> callers{};
    std::array<other, 2> runners{}, stoppers{};
    std::array<int, most_callers> line{};  // who waits, in order of arrival
    int waiting = 0, places = 0, epoch = 0, failures = 0, newest = 0, oldest = 0, picked = -1;
    time_point moved{};     // when the line began, or somebody in it was served
    nanoseconds slowest{};  // between two of these
    time_point now{}, down_at{}, next_dial{}, upkeep_at = never;
    std::array<time_point, 2> losses{never, never};
    bool drained = false, locked_out = false;
    std::optional<finding> broken{};
    diary story;

    explicit model(const pool_rules& r) : rules(r), pool(r), now(time_point(100 * unit)) {}

    void start() { add_places(rules.max); }
    void add_places(int upto) {
        for (; places < upto; ++places) pool.add_slot(slots[static_cast<std::size_t>(places)]);
    }

    void check(bool holds, promise p, const char* detail) {
        if (!holds && !broken) broken = finding{p, detail};
    }
    void note(const char* whose, int n, const char* happened) {
        if (story.wanted()) story.add(whose + std::to_string(n) + happened);
    }

    link& at(int s) { return links[static_cast<std::size_t>(s)]; }
    pool_slot& slot(int s) { return slots[static_cast<std::size_t>(s)]; }
    caller& of(int i) { return callers[static_cast<std::size_t>(i)]; }
    caller& in_line(int k) { return of(line[static_cast<std::size_t>(k)]); }
    int index(const pool_slot& s) const { return static_cast<int>(&s - slots.data()); }

    int count(stage wanted) const {
        int n = 0;
        for (const link& l : links) n += l.is == wanted;
        return n;
    }
    int dialing() const { return count(stage::asked) + count(stage::dialing); }
    int at_rest() const { return count(stage::resting) + count(stage::arriving); }
    int alive() const { return at_rest() + count(stage::lent) + count(stage::resetting) + count(stage::checking); }
    int total() const { return most_places - count(stage::none); }
    /// Whoever waits need not count on these any more.
    int slow_resets() const {
        return static_cast<int>(std::count_if(links.begin(), links.end(), [this](const link& l) {
            return l.is == stage::resetting && is_over(l.reset, rules.slow_reset);
        }));
    }
    int coming() const { return dialing() + count(stage::resetting) - slow_resets(); }
    int dials_allowed() const { return failures > 0 ? 1 : most_dials; }
    int wanted() const {
        const int missing = rules.min_idle - count(stage::resting) - count(stage::checking) - slow_resets();
        return waiting + std::max(0, missing) + int{pool.renewal().wants_one()};
    }
    bool line_is_full() const { return waiting > waiters_per_connection * pool.max(); }  ///< with whoever comes
    /// With whoever comes. No estimate can be worse than the longest time that the line stood still.
    bool is_too_slow_for(const caller& c) const {
        return c.wait.use_by != never && waiting > count(stage::lent) &&
               slowest > (c.wait.use_by - now) / 4 * 3 / waiting;
    }
    bool is_over(time_point since, nanoseconds span) const { return span > nanoseconds::zero() && since + span <= now; }
    bool rested_too_long(const link& l) const { return is_over(l.rested, rules.idle_timeout); }
    bool is_old(const link& l) const { return is_over(l.opened, rules.max_lifetime * 9 / 10); }
    bool outlived(const link& l) const { return is_over(l.opened, rules.max_lifetime * 11 / 10); }
    bool somebody_runs() const { return runners[0].waits || runners[1].waits; }

    // Callers

    void leave_line(int i) {
        const auto end = line.begin() + waiting;
        waiting = static_cast<int>(std::remove(line.begin(), end, i) - line.begin());
    }

    void take(int i, pool_slot* slot) {
        check(slot != nullptr, promise::cancelled, "whoever is granted something has got a connection");
        if (!slot) return;
        const int s = index(*slot);
        link& l = at(s);
        note("connection ", s, " is lent");
        check(l.owner < 0 && (l.is == stage::resting || l.is == stage::arriving), promise::owned,
              "a connection has one owner");
        check(!drained, promise::drained, "nothing is lent after a drain");
        check(l.epoch == epoch && !l.broken, promise::fit, "nothing condemned or broken is lent");
        check(!outlived(l), promise::fit, "nothing that outlived its time is lent");
        check(l.is == stage::resting || alive() + dialing() <= pool.max(), promise::resized,
              "a shrinking pool lends no surplus");
        for (int k = 0; k < waiting && &in_line(k) != &of(i); ++k)
            check(in_line(k).wait.deadline <= now, promise::first_come, "nobody is overtaken");
        const nanoseconds rested = l.is == stage::resting ? now - l.rested : nanoseconds::zero();
        check(slot->rested == rested, promise::fit, "it is known how long a connection rested before it was lent");
        if (l.is == stage::resting) picked = s;
        l.is = stage::lent;
        l.owner = i;
        l.lent = now;
        l.told = false;
        of(i).owns = s;
        of(i).is = caller_state::granted;
    }

    void refuse(caller& c) {
        check(c.wait.slot == nullptr, promise::cancelled, "whoever is refused has no connection");
        switch (c.wait.end) {
        case wait_end::timed_out:
            check(c.wait.deadline <= now, promise::in_time, "nobody is refused before his deadline");
            break;
        case wait_end::queue_full:
            check(line_is_full() || is_too_slow_for(c), promise::in_time, "only a line that is full or slow refuses");
            break;
        case wait_end::closed: check(drained, promise::drained, "only a drained pool is closed"); break;
        case wait_end::down:
            check(alive() == 0 && failures > 0, promise::in_time, "down means nothing alive");
            check(down_at <= now, promise::in_time, "down means for long, or by an error that stays");
            break;
        case wait_end::cancelled: break;
        default: check(false, promise::ends_once, "an acquire that is over has an end");
        }
        c.is = caller_state::away;
    }

    void ended(int i) {
        caller& c = of(i);
        note("caller ", i, c.wait.end == wait_end::granted ? " is served" : " is refused");
        check(c.is == caller_state::waiting, promise::ends_once, "an acquire ends once");
        if (c.wait.end == wait_end::granted) {
            check(c.wait.deadline > now, promise::in_time, "nobody is served after his deadline");
            if (c.wait.since != never) slowest = std::max(slowest, now - std::exchange(moved, now));
            take(i, c.wait.slot);
        } else {
            refuse(c);
        }
        leave_line(i);
    }

    bool is_stopper(const other& o) const { return &o == &stoppers[0] || &o == &stoppers[1]; }

    void stopped(other& o) {
        check(o.waits, promise::ends_once, "waiting for the end of the pool ends once");
        if (o.wait.end == wait_end::timed_out)
            check(o.wait.deadline <= now, promise::drained, "a shutdown gives up at its deadline");
        if (o.wait.end == wait_end::granted)
            check(drained && (total() == 0 || !is_stopper(o)), promise::drained,
                  "a shutdown ends when nothing is left");
        o.waits = false;
    }

    void ended(pool_waiter& w) {
        for (int i = 0; i < most_callers; ++i)
            if (&w == &of(i).wait) return ended(i);
        stopped(*of_the_others(w));
    }

    other* of_the_others(pool_waiter& w) {
        for (auto* some : {&runners, &stoppers})
            for (other& o : *some)
                if (&w == &o.wait) return &o;
        return nullptr;
    }

    /// Its operation has been destroyed.
    void forget(pool_waiter& w) {
        if (other* const o = of_the_others(w)) return void(o->waits = false);
        for (int i = 0; i < most_callers; ++i)
            if (&w == &of(i).wait) of(i).is = caller_state::away, leave_line(i);
    }

    // Connections

    bool is_condemned(const link& l) const {
        return l.epoch != epoch || l.broken || drained || alive() + dialing() > pool.max() || outlived(l);
    }
    bool is_surplus(const link& l) const {
        const int others = at_rest() - 1 + (picked >= 0);
        return l.is == stage::resting && rested_too_long(l) && others >= rules.min_idle;
    }

    /// One that is old but good enough goes when its successor is there, or when there is no room for one.
    void check_reason(const link& l) {
        if (is_condemned(l) || is_surplus(l)) return;
        check(is_old(l), promise::resized, "nothing is closed without a reason");
        check(alive() > 1 || total() >= pool.max(), promise::renewed,
              "something else is there when an old one is closed");
        check(waiting == 0 || total() >= pool.max(), promise::renewed,
              "no old one is closed while somebody could have it");
    }

    void close(int s) {
        link& l = at(s);
        note("connection ", s, " is closed");
        check(l.owner < 0 && (l.is == stage::resting || l.is == stage::arriving), promise::resized,
              "nothing that is lent is closed");
        check_reason(l);
        l.is = stage::closing;
    }

    void ask_for(int s) {
        note("connection ", s, " is asked for");
        check(at(s).is == stage::none, promise::counted, "only a vacant place is dialed for");
        check(next_dial <= now, promise::paced, "no dial in the pause after a failure");
        check(!drained, promise::drained, "a drained pool does not dial");
        at(s).is = stage::asked;
    }

    void look_after(int s) {
        note("connection ", s, " is checked");
        const bool silent = rules.keepalive > nanoseconds::zero() && at(s).heard + rules.keepalive <= now;
        check(at(s).is == stage::resting && silent && somebody_runs(), promise::fit,
              "only what rests in silence is checked");
        at(s).is = stage::checking;
    }

    void begin_reset(link& l) {
        l.is = stage::resetting;
        l.reset = now;
    }

    /// In the order in which the pool decides, as far as the chains tell.
    void carry_out(pool_actions& todo, bool coldest = false) {
        while (pool_waiter* const w = todo.done.pop()) ended(*w);
        while (pool_slot* const s = todo.reset.pop()) begin_reset(at(index(*s)));
        while (pool_slot* const s = todo.close.pop()) close(index(*s));
        while (pool_slot* const s = todo.dial.pop()) ask_for(index(*s));
        for (link& l : links) {
            if (l.is != stage::arriving) continue;
            l.is = stage::resting;
            l.heard = now;
            if (!coldest) l.rested = now;
            l.parked = coldest ? --oldest : ++newest;
        }
        while (pool_slot* const s = todo.check.pop()) look_after(index(*s));
        if (picked >= 0) check_picked();
        picked = -1;
    }

    void check_picked() {
        const int missing = rules.min_idle - count(stage::resting) - count(stage::checking);
        const bool dialed = dialing() + count(stage::resetting) >= missing || dialing() >= dials_allowed();
        check(dialed || total() >= pool.max() || now < next_dial, promise::refills,
              "what is taken at rest is replaced");
        for (const link& l : links)
            check(l.is != stage::resting || l.parked < at(picked).parked, promise::fit,
                  "what was used last is lent first");
    }

    // Promises

    void check_promises(int before) {
        for (int s = 0; s < most_places; ++s)
            check(slot(s).state == stage_states[static_cast<std::size_t>(at(s).is)], promise::counted,
                  "a place is in one state");
        check(total() <= pool.max() || total() <= before, promise::counted,
              "never more than the maximum, and a shrinking pool only shrinks");
        check(count(stage::resting) == 0 || alive() + dialing() <= pool.max(), promise::resized,
              "a shrinking pool keeps no surplus");
        for (const link& l : links)
            check(l.is != stage::resting || l.epoch == epoch, promise::fit, "nothing condemned rests");
        const int checking = count(stage::checking), resetting = count(stage::resetting);
        check(pool.used() == count(stage::lent) && pool.idle() == count(stage::resting) &&
                  pool.dialing() == dialing() && pool.resetting() == resetting + checking &&
                  pool.closing() == count(stage::closing) && pool.waiting() == waiting,
              promise::gauges, "the gauges are right");
        check(dialing() <= dials_allowed(), promise::paced, "two dials at a time, after a failure one");
        check(checking <= most_checks, promise::paced, "two checks at a time");
        for (const caller& c : callers)
            check((c.is == caller_state::waiting) == (c.wait.line == wait_line::acquire), promise::ends_once,
                  "whoever waits stands in line");
        if (drained) check_drained();
        check(!std::exchange(locked_out, false) || alive() > 0 || waiting == 0, promise::told,
              "whom an error keeps out that stays is told at once");
        check_wake_ups();
        check_timer();
    }

    void check_drained() {
        check(count(stage::resting) == 0 && waiting == 0 && !somebody_runs(), promise::drained,
              "a drained pool keeps nothing and nobody");
        for (const other& o : stoppers)
            check(!o.waits || total() > 0, promise::drained, "a shutdown ends when nothing is left");
    }

    void check_wake_ups() {
        if (waiting == 0) return;
        check(count(stage::resting) == 0, promise::served, "nobody waits while a connection is idle");
        const bool dialed = coming() >= waiting || dialing() >= dials_allowed();
        const time_point soon = std::max(next_dial, slow_resets() > 0 ? now : time_point{});  // the timer may be late
        check(dialed || total() >= pool.max() || pool.due() <= soon, promise::served,
              "whoever waits is dialed for, or a retry is timed");
    }

    void check_timer() {
        const time_point due = pool.due();
        for (int k = 0; k < waiting; ++k)
            check(due <= in_line(k).wait.deadline, promise::served, "a timer rings for whoever waits");
        for (const other& o : stoppers)
            check(!o.waits || due <= o.wait.deadline, promise::drained, "a timer rings for a shutdown");
        if (somebody_runs()) check(due <= upkeep_at, promise::served, "a timer rings for the upkeep");
        if (waiting > 0 && alive() == 0 && failures > 0 && !pool.pace().is_down())
            check(due <= down_at, promise::served,
                  "a timer rings when the server counts as down");
        for (const link& l : links) {
            const bool counted_on = l.is == stage::resetting && !is_over(l.reset, rules.slow_reset);
            check(!counted_on || waiting == 0 || total() >= pool.max() || due <= l.reset + rules.slow_reset, promise::served,
                  "a timer rings when a reset is slow");
        }
        if (rules.leak_after == nanoseconds::zero()) return;
        for (const link& l : links)
            check(l.is != stage::lent || l.told || due <= l.lent + rules.leak_after, promise::served,
                  "a timer rings for a long lease");
    }
};

}  // namespace pool_property
