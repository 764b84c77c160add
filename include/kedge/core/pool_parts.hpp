// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/backoff.hpp>
#include <kedge/core/reuse.hpp>
#include <kedge/core/time.hpp>
#include <kedge/core/waiter_queue.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

// What the decisions of a connection pool are made of: its numbers, its places, and the lines in which others wait.

namespace kedge::core {

/// So many connections are opened at a time: enough to ramp up, too few to storm a server that comes back.
inline constexpr int most_dials = 2;

/// Pauses between the attempts of the one prober after a failure (HikariCP: 10 ms to 5 s), with full jitter.
inline constexpr backoff_rules dial_backoff{std::chrono::milliseconds(10), std::chrono::seconds(5), jitter::full};

/// Nothing alive and dialing has failed for so long: who waits fails at once.
inline constexpr nanoseconds down_after = std::chrono::seconds(1);

/// Connections lost so soon after each other are no accident: the server went away, and took the others with it.
inline constexpr int losses_that_condemn = 3;
inline constexpr nanoseconds losses_within = std::chrono::seconds(1);

/// So many may wait for each connection before further ones are refused at once.
inline constexpr int waiters_per_connection = 16;

/// A connection is replaced during the last tenth of its lifetime, or at the latest in the tenth after it.
inline constexpr int lifetime_margin = 10;

/// How often a pool that somebody runs looks after its idle connections.
inline constexpr nanoseconds upkeep_interval = std::chrono::seconds(30);

/// A connection that heard nothing for so long is asked whether it lives, two at a time: what stands between us and the
/// server may forget a silent one (HikariCP: 2 min).
inline constexpr nanoseconds keepalive_interval = std::chrono::minutes(2);
inline constexpr int most_checks = 2;

/// A reset is a round trip or two, also between continents. One that takes longer is no faster than to open another
/// connection, and perhaps never ends; so whoever waits does not count on it any more.
inline constexpr nanoseconds reset_patience = std::chrono::milliseconds(200);

struct pool_rules {
    int max = 20;
    int min_idle = 0;
    nanoseconds idle_timeout{0};  ///< 0: none, as for the next three
    nanoseconds max_lifetime{0};
    nanoseconds leak_after{0};
    nanoseconds keepalive{0};
    nanoseconds upkeep_every = upkeep_interval;
    nanoseconds slow_reset = reset_patience;
    backoff_rules redial = dial_backoff;
    nanoseconds fail_after = down_after;
};

/** vacant → asked → dialing → idle ⇄ lent → closing → vacant, with resetting between lent and idle, and between idle and
 *  idle when a connection at rest is checked. Everything but
 *  vacant counts against the maximum: a server that still works for us is not free to work for others.
 */
enum class slot_state : std::uint8_t { vacant, asked, dialing, idle, lent, resetting, closing };

/// The place of one connection; it belongs to the pool's shell and does not move.
struct pool_slot : queue_hook<pool_slot> {
    pool_slot* sibling = nullptr;
    time_point since{};            ///< of idle, lent and reset
    time_point renew_at = never;   ///< when another one should take its place
    time_point retire_at = never;  ///< when it is not lent any more
    nanoseconds rested{0};         ///< how long it had been idle when it was lent
    time_point alive_at{};         ///< at rest: when it was last known to live
    std::uint32_t generation = 0;
    slot_state state = slot_state::vacant;
    bool overdue = false;  ///< lent or reset for too long, which is known
    bool checked = false;  ///< resetting, but it was at rest
};

enum class wait_end : std::uint8_t { none, granted, queue_full, timed_out, down, closed, cancelled };
enum class wait_line : std::uint8_t { none, acquire, drained, upkeep };

/// The part of an operation that waits for the pool. `end` is set once; from then on the pool has forgotten it.
struct pool_waiter : queue_hook<pool_waiter> {
    time_point deadline = never;  ///< of the wait
    time_point use_by = never;    ///< of what the connection is for
    time_point since = never;     ///< when it began to wait, if it had to
    pool_slot* slot = nullptr;    ///< lent to it, when `end` is granted
    wait_line line = wait_line::none;
    wait_end end = wait_end::none;
};

struct pool_actions {
    action_chain<pool_waiter> done;  ///< their `end` has been decided
    action_chain<pool_slot> dial;    ///< ask @ref connection_pool::begin_dial when it is time to start
    action_chain<pool_slot> reset;
    action_chain<pool_slot> check;  ///< ends like a reset
    action_chain<pool_slot> close;

    bool empty() const noexcept { return done.empty() && dial.empty() && reset.empty() && check.empty() && close.empty(); }
};

/// Whether what went wrong with connections says something about all of them.
class loss_record {
public:
    /// True: by now it does.
    bool add(time_point now) noexcept {
        const bool correlated = before_[0] != never && now - before_[0] <= losses_within;
        for (std::size_t i = 0; i + 1 < before_.size(); ++i) before_[i] = before_[i + 1];
        before_.back() = now;
        return correlated;
    }
    void clear() noexcept { before_.fill(never); }

private:
    std::array<time_point, losses_that_condemn - 1> before_{never, never};
};

/// Finds connections that are in one state for too long, since `slot.since`: a scan, but only when one may be.
class overdue_watch {
public:
    /// @param after 0: never
    constexpr overdue_watch(slot_state in, nanoseconds after) noexcept : state_(in), after_(after) {}

    /// @ref never, too, while nothing is watched. Stays when a connection leaves that state: not later than the truth.
    time_point due() const noexcept { return due_; }

    /// @param all how many are in that state, this one included
    void entered(pool_slot& slot, int all) noexcept {
        slot.overdue = false;
        if (after_ > nanoseconds::zero()) due_ = std::min(all == 1 ? never : due_, saturating_add(slot.since, after_));
    }

    /// One that was not told of before; null if there is none.
    pool_slot* next(pool_slot* slots, time_point now) noexcept {
        if (now < due_) return nullptr;
        due_ = never;
        for (pool_slot* s = slots; s; s = s->sibling) {
            if (s->state != state_ || s->overdue) continue;
            const time_point at = saturating_add(s->since, after_);
            if (at <= now) return due_ = now, s->overdue = true, s;
            due_ = std::min(due_, at);
        }
        return nullptr;
    }

private:
    slot_state state_;
    nanoseconds after_;
    time_point due_ = never;
};

/// One line of waiters, and a lower bound of their deadlines: no heap and no timer for each of them.
class pool_line {
public:
    explicit constexpr pool_line(wait_line which) noexcept : which_(which) {}

    bool empty() const noexcept { return queue_.empty(); }
    int size() const noexcept { return static_cast<int>(queue_.size()); }
    pool_waiter* front() const noexcept { return queue_.front(); }
    /// Not later than the earliest deadline; @ref never if nobody waits.
    time_point due() const noexcept { return empty() ? never : due_; }

    /// Whether a newcomer would be served too late, or so late that a quarter of its time is not left for the connection.
    /// Served in order, all would be late; so those are refused for whom it is certain: as many wait as there are connections.
    bool too_long_for(const pool_waiter& w, int connections, time_point now) const noexcept {
        if (w.use_by == never || size() < std::max(connections, 1)) return false;
        return interval_ > (w.use_by - now) / 4 * 3 / (size() + 1);
    }

    void enter(pool_waiter& w, time_point now) noexcept {
        if (empty()) begin_round(now);
        due_ = std::min(due(), w.deadline);
        w.since = now;
        w.line = which_;
        queue_.push_back(w);
    }

    void leave(pool_waiter& w, wait_end end) noexcept {
        queue_.remove(w);
        w.line = wait_line::none;
        w.end = end;
    }

    void finish(pool_waiter& w, wait_end end, pool_actions& todo) noexcept {
        leave(w, end);
        todo.done.push(w);
    }

    /// @param connections  so many may come back together: the line's speed is that of a whole round of them
    void serve(pool_waiter& w, pool_slot& slot, int connections, time_point now, pool_actions& todo) noexcept {
        if (++served_ >= connections) {
            interval_ = (interval_ + (now - round_began_) / served_) / 2;
            begin_round(now);
        }
        w.slot = &slot;
        finish(w, wait_end::granted, todo);
    }

    void finish_all(wait_end end, pool_actions& todo) noexcept {
        while (pool_waiter* const w = front()) finish(*w, end, todo);
    }

    /// Sends away those before it whose time is up; null if nobody is left.
    pool_waiter* first_in_time(time_point now, pool_actions& todo) noexcept {
        while (front() && front()->deadline <= now) finish(*front(), wait_end::timed_out, todo);
        return front();
    }

    /// Linear, but only when somebody's time may be up.
    void expire(time_point now, pool_actions& todo) noexcept {
        if (now < due()) return;
        due_ = never;
        for (pool_waiter* w = front(); w;) {
            pool_waiter* const after = waiter_queue<pool_waiter>::next(*w);
            if (w->deadline <= now) finish(*w, wait_end::timed_out, todo);
            else due_ = std::min(due_, w->deadline);
            w = after;
        }
    }

private:
    void begin_round(time_point now) noexcept { served_ = 0, round_began_ = now; }

    waiter_queue<pool_waiter> queue_;
    time_point due_ = never;
    time_point round_began_{};
    int served_ = 0;
    nanoseconds interval_{0};  ///< between two who are served, half of it from the last round
    wait_line which_;
};

/// Those who wait for a connection, for the last one to come back, and for the end of the pool.
struct pool_lines {
    pool_line waiting{wait_line::acquire}, drained{wait_line::drained}, upkeep{wait_line::upkeep};

    pool_line& of(const pool_waiter& w) noexcept {
        return w.line == wait_line::acquire ? waiting : w.line == wait_line::drained ? drained : upkeep;
    }
    pool_waiter* any() const noexcept {
        return !waiting.empty() ? waiting.front() : !drained.empty() ? drained.front() : upkeep.front();
    }
};

}  // namespace kedge::core
