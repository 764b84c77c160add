// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/pool_dialing.hpp>
#include <kedge/core/pool_idle.hpp>
#include <kedge/core/pool_parts.hpp>
#include <kedge/core/pool_renewal.hpp>
#include <kedge/core/pool_resetting.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstdint>

namespace kedge::core {

/** The decisions of a connection pool: events and the time come in, chains of actions come out. No clock, lock, thread,
 *  allocation or connection in here.
 *  Waiters are served in order of arrival, and nobody overtakes them: a connection that becomes free goes to the first
 *  one directly. Idle connections are used last in, first out, so that what is not needed grows old and is closed.
 */
class connection_pool {
public:
    explicit connection_pool(const pool_rules& rules) noexcept
        : rules_(rules), max_(rules.max), pace_(rules), idle_(rules), resets_(rules), renewal_(rules),
          leaks_(slot_state::lent, rules.leak_after) {}

    /// Room for one more connection; `slot` stays for good.
    void add_slot(pool_slot& slot) noexcept {
        slot.sibling = slots_;
        slots_ = &slot;
        ++slot_count_;
        vacant_.push_back(slot);
    }

    /// Null if nothing is idle. Nobody waits then, or nothing would be idle.
    pool_slot* try_acquire(time_point now, pool_actions& todo) noexcept {
        while (pool_slot* const slot = idle_.pop_warmest()) {
            if (unfit(*slot, now) || (idle_.rested_too_long(*slot, now) && idle() >= rules_.min_idle)) {
                close(*slot, todo);
                continue;
            }
            slot->rested = std::max(nanoseconds::zero(), now - slot->since);
            lend(*slot, now);
            retire(1, now, todo);
            if (idle() < rules_.min_idle) demand(now, todo);
            return slot;
        }
        return nullptr;
    }

    /// Decides at once, which `waiter.end` then says, or lets it wait.
    void acquire(pool_waiter& waiter, time_point now, pool_actions& todo) noexcept {
        if (closed_) return void(waiter.end = wait_end::closed);
        if (waiter.deadline <= now) return void(waiter.end = wait_end::timed_out);
        if ((waiter.slot = try_acquire(now, todo))) return void(waiter.end = wait_end::granted);
        if (pace_.is_down() && alive() == 0 && (dialing_ > 0 || pace_.pausing(now))) return void(waiter.end = wait_end::down);
        if (waiting() >= waiters_per_connection * max_ || lines_.waiting.too_long_for(waiter, lent_, now))
            return void(waiter.end = wait_end::queue_full);
        lines_.waiting.enter(waiter, now);
        demand(now, todo);
    }

    /// True: it was waiting and has left, timed out if its time is up. False: its end had been decided before.
    bool cancel(pool_waiter& waiter, time_point now = {}) noexcept {
        if (waiter.line == wait_line::none) return false;
        lines_.of(waiter).leave(waiter, waiter.deadline <= now ? wait_end::timed_out : wait_end::cancelled);
        return true;
    }

    /// A lent connection comes back.
    void release(pool_slot& slot, reuse how, time_point now, pool_actions& todo) noexcept {
        --lent_;
        if (how == reuse::broken || unfit(slot, now) || gives_way(slot, now)) close(slot, todo);
        else if (how == reuse::needs_reset) {
            resets_.begin_reset(slot, now);
            todo.reset.push(slot);
        } else hand_over(slot, now, todo);
        retire(1, now, todo);
        demand(now, todo);
    }

    /// A connection turned out to be lost to its server's end; to be told before it is released. Three within a second, or
    /// one that says that the server goes away, condemn all that exist. True: they did.
    bool lost(const pool_slot& slot, bool condemns, time_point now, pool_actions& todo) noexcept {
        if (slot.generation != generation_) return false;  // condemned already
        if (!losses_.add(now) && !condemns) return false;
        losses_.clear();
        invalidate(now, todo);
        return true;
    }

    void reset_ended(pool_slot& slot, bool ok, time_point now, pool_actions& todo) noexcept {
        const bool rested = resets_.ended(slot);
        if (!ok || unfit(slot, now)) close(slot, todo);
        else if (rested && lines_.waiting.empty()) idle_.push_coldest(slot, now);
        else hand_over(slot, now, todo);
        demand(now, todo);
        if (rested) check_idle(now, todo);
    }

    /// A dial that was asked for is about to start. False: nobody wants it any more, and the slot is vacant again.
    bool begin_dial(pool_slot& slot, time_point now, pool_actions& todo) noexcept {
        const bool begun = !closed_ && open() + closing_ <= max_ && coming(now) <= wanted();
        if (begun) {
            slot.state = slot_state::dialing;
            slot.generation = generation_;
        } else {
            --dialing_;
            vacate(slot);
        }
        demand(now, todo);
        return begun;
    }

    void dial_succeeded(pool_slot& slot, time_point now, std::uint64_t random, pool_actions& todo) noexcept {
        --dialing_;
        pace_.succeeded();
        renewal_.opened(slot, now, random);
        if (unfit(slot, now)) close(slot, todo);
        else hand_over(slot, now, todo);
        renew(now, todo);
        demand(now, todo);
    }

    /// Returns the pause until the next attempt.
    nanoseconds dial_failed(pool_slot& slot, const boost::system::error_code& why, time_point now, std::uint64_t random,
                            pool_actions& todo) noexcept {
        --dialing_;
        vacate(slot);
        renewal_.give_up();
        const nanoseconds pause = pace_.failed(why, now, random);
        go_down_if_due(now, todo);
        demand(now, todo);
        return pause;
    }

    void closed(pool_slot& slot, time_point now, pool_actions& todo) noexcept {
        --closing_;
        vacate(slot);
        demand(now, todo);
    }

    /// To be called at @ref due or later; earlier does no harm.
    void tick(time_point now, pool_actions& todo) noexcept {
        lines_.waiting.expire(now, todo);
        lines_.drained.expire(now, todo);
        go_down_if_due(now, todo);
        if (!lines_.upkeep.empty() && upkeep_at_ <= now) {
            upkeep_at_ = saturating_add(now, rules_.upkeep_every);
            retire(idle(), now, todo);
            while (pool_slot* const s = idle_.pop_outlived(now)) close(*s, todo);
            renew(now, todo);
            check_idle(now, todo);
        }
        demand(now, todo);
    }

    /// When the next @ref tick is needed; @ref never while nothing is waited for.
    time_point due() const noexcept {
        time_point at = std::min(lines_.waiting.due(), lines_.drained.due());
        if (!lines_.waiting.empty()) {
            if (held_back_) at = std::min(at, pace_.next());
            if (!pace_.is_down() && alive() == 0) at = std::min(at, pace_.down_at());
            if (has_room()) at = std::min(at, resets_.due());
        }
        if (!lines_.upkeep.empty()) at = std::min(at, upkeep_at_);
        return lent_ > 0 ? std::min(at, leaks_.due()) : at;
    }

    /// The next lease that is held for too long and was not told of before; null if there is none.
    pool_slot* next_leak(time_point now) noexcept { return leaks_.next(slots_, now); }

    /// Never closes a connection that is lent; the total shrinks as they come back.
    void resize(int max, time_point now, pool_actions& todo) noexcept {
        max_ = max;
        while (open() > max_ && !idle_.empty()) close(*idle_.pop_coldest(), todo);
        demand(now, todo);
    }

    /// No connection that exists now, or is being opened, is lent again.
    void invalidate(time_point now, pool_actions& todo) noexcept {
        ++generation_;
        renewal_.give_up();
        while (pool_slot* const s = idle_.pop_coldest()) close(*s, todo);
        demand(now, todo);
    }

    /// From now on nothing is granted.
    void drain(pool_actions& todo) noexcept {
        closed_ = true;
        lines_.waiting.finish_all(wait_end::closed, todo);
        lines_.upkeep.finish_all(wait_end::granted, todo);
        while (pool_slot* const s = idle_.pop_coldest()) close(*s, todo);
        settle(todo);
    }

    /// After @ref drain: ends with granted, without a slot, when nothing is left, or timed_out.
    void wait_drained(pool_waiter& waiter, time_point now) noexcept {
        if (nothing_left()) waiter.end = wait_end::granted;
        else if (waiter.deadline <= now) waiter.end = wait_end::timed_out;
        else lines_.drained.enter(waiter, now);
    }

    /// While it waits, @ref tick looks after idle connections. Ends with granted, without a slot, at @ref drain.
    void run(pool_waiter& waiter, time_point now, pool_actions& todo) noexcept {
        if (closed_) return void(waiter.end = wait_end::granted);
        if (lines_.upkeep.empty()) upkeep_at_ = saturating_add(now, rules_.upkeep_every);
        lines_.upkeep.enter(waiter, now);
        retire(idle(), now, todo);
        demand(now, todo);
    }

    int max() const noexcept { return max_; }
    int used() const noexcept { return lent_; }
    int idle() const noexcept { return idle_.size(); }
    int dialing() const noexcept { return dialing_; }
    int resetting() const noexcept { return resets_.size(); }
    int closing() const noexcept { return closing_; }
    int waiting() const noexcept { return lines_.waiting.size(); }
    int slot_count() const noexcept { return slot_count_; }
    bool is_closed() const noexcept { return closed_; }
    bool nothing_left() const noexcept { return alive() + dialing_ + closing_ == 0; }
    bool nobody_waits() const noexcept { return !lines_.any(); }
    std::uint32_t generation() const noexcept { return generation_; }
    const dial_pace& pace() const noexcept { return pace_; }
    const connection_renewal& renewal() const noexcept { return renewal_; }
    const pool_waiter* oldest() const noexcept { return lines_.waiting.front(); }
    pool_slot* slots() const noexcept { return slots_; }

    /// When the context is gone: takes somebody who waits out of whichever line; null if nobody does.
    pool_waiter* abandon_one() noexcept {
        pool_waiter* const w = lines_.any();
        if (w) cancel(*w);
        return w;
    }

private:
    int alive() const noexcept { return lent_ + idle() + resetting(); }
    int open() const noexcept { return alive() + dialing_; }
    /// @param uncounted connections that just left one count and did not enter another
    bool has_room(int uncounted = 0) const noexcept { return open() + uncounted + closing_ < max_; }

    /// Connections that somebody would be glad of.
    int wanted() const noexcept {
        return waiting() + std::max(0, rules_.min_idle - idle() - resets_.doubtful()) + int{renewal_.wants_one()};
    }
    /// Connections that will be free soon.
    int coming(time_point now) noexcept { return dialing_ + resets_.soon(slots_, now); }

    bool unfit(const pool_slot& slot, time_point now) const noexcept {
        const bool surplus = slot.state != slot_state::idle && open() + 1 > max_;  // its old count is gone already
        return closed_ || slot.generation != generation_ || surplus || slot.retire_at <= now;
    }

    static void move(pool_slot& slot, slot_state to, int& count) noexcept { slot.state = to, ++count; }

    void lend(pool_slot& slot, time_point now) noexcept {
        move(slot, slot_state::lent, lent_);
        slot.since = now;
        leaks_.entered(slot, lent_);
    }

    void vacate(pool_slot& slot) noexcept {
        slot.state = slot_state::vacant;
        vacant_.push_front(slot);
    }

    void close(pool_slot& slot, pool_actions& todo) noexcept {
        move(slot, slot_state::closing, closing_);
        renewal_.lost_one();
        todo.close.push(slot);
    }

    void retire(int most, time_point now, pool_actions& todo) noexcept {
        while (pool_slot* const s = most-- > 0 ? idle_.pop_surplus(rules_.min_idle, now) : nullptr) close(*s, todo);
    }

    /// Whether a connection that comes back makes room for its successor. Not while somebody could have it.
    bool gives_way(const pool_slot& slot, time_point now) noexcept {
        if (slot.renew_at > now) return false;
        return (lines_.waiting.empty() || !has_room(1)) && renewal_.takes(has_room(1), max_, now);
    }

    void renew(time_point now, pool_actions& todo) noexcept {
        pool_slot* const due = idle_.find_due(now);
        if (due && renewal_.takes(has_room(), max_, now)) close(*idle_.pop(due), todo);
        if (due) upkeep_at_ = std::min(upkeep_at_, renewal_.next(now));
    }

    void check_idle(time_point now, pool_actions& todo) noexcept {
        if (lines_.upkeep.empty()) return;
        while (pool_slot* const s = resets_.may_check() ? idle_.pop_silent(now) : nullptr) {
            resets_.begin_check(*s);
            todo.check.push(*s);
        }
    }

    /// To the first who still waits for it, else onto the stack of idle ones.
    void hand_over(pool_slot& slot, time_point now, pool_actions& todo) noexcept {
        pool_waiter* const w = lines_.waiting.first_in_time(now, todo);
        if (!w) return idle_.push(slot, now);
        slot.rested = nanoseconds::zero();
        lend(slot, now);
        lines_.waiting.serve(*w, slot, lent_, now, todo);
    }

    /// Asks for dials as far as somebody would be glad of them and the server may be bothered.
    void demand(time_point now, pool_actions& todo) noexcept {
        held_back_ = false;
        if (closed_) return settle(todo);
        if (coming(now) >= wanted()) return;
        if (pace_.pausing(now)) return void(held_back_ = true);
        while (pace_.allows_another(dialing_) && coming(now) < wanted() && has_room() && !vacant_.empty()) {
            pool_slot& slot = *vacant_.pop_front();
            move(slot, slot_state::asked, dialing_);
            todo.dial.push(slot);
        }
    }

    void go_down_if_due(time_point now, pool_actions& todo) noexcept {
        if (!pace_.failing() || alive() > 0 || closed_) return;
        if (!pace_.is_down() && now < pace_.down_at()) return;
        if (!pace_.is_down() || dialing_ == 0) lines_.waiting.finish_all(wait_end::down, todo);
        pace_.go_down();
    }

    void settle(pool_actions& todo) noexcept {
        if (closed_ && nothing_left()) lines_.drained.finish_all(wait_end::granted, todo);
    }

    pool_rules rules_;
    int max_;
    int lent_ = 0, dialing_ = 0, closing_ = 0, slot_count_ = 0;
    std::uint32_t generation_ = 0;
    bool closed_ = false, held_back_ = false;
    dial_pace pace_;
    idle_connections idle_;
    resetting_connections resets_;
    connection_renewal renewal_;
    waiter_queue<pool_slot> vacant_;
    pool_lines lines_;
    loss_record losses_;
    overdue_watch leaks_;
    pool_slot* slots_ = nullptr;
    time_point upkeep_at_ = never;
};

}  // namespace kedge::core
