// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/pool_state.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <utility>

// The rarer half of a pool's shell.

namespace kedge::detail {

/** The opening, reset or check of one connection by the pool: on a strand, no longer than the connect timeout, told to the
 *  pool exactly once. When its time is over it is cancelled and then waited for: the connection counts until it ends.
 */
class pool_task final : public std::enable_shared_from_this<pool_task>, private timer_node {
public:
    pool_task(std::shared_ptr<pool_state> pool, connection_slot& slot, pool_job job)
        : pool_(std::move(pool)), slot_(slot), strand_(pool_->executor), job_(job) {
        fire = [](timer_node* n) noexcept {
            auto* const t = static_cast<pool_task*>(n);
            std::exchange(t->armed_, nullptr)->stop(true);
        };
        abandon = [](timer_node* n) noexcept {
            const auto last = std::exchange(static_cast<pool_task*>(n)->armed_, nullptr);
        };
    }

    static void launch(std::shared_ptr<pool_task> task) noexcept {
        pool_task& t = *task;
        const pool_strand on = t.strand_;
        start begin{pool_task_done(std::move(task), on, t.signal_.slot()), &t};
        try {
            boost::asio::post(on, std::move(begin));
        } catch (...) {  // `begin` reports when it is destroyed
        }
    }

    /// From any thread.
    void cancel() noexcept { stop(false); }

    void ended(error_code ec) noexcept {
        if (std::exchange(finished_, true)) return;
        if (armed_here_ && pool_->rt.cancel(*this)) const auto last = std::exchange(armed_, nullptr);
        if (expired_ && ec == boost::asio::error::operation_aborted) ec = boost::asio::error::timed_out;
        if (job_ == pool_job::dial) pool_->dial_ended(slot_, ec);
        else pool_->reset_ended(slot_, !ec);
    }

private:
    struct start {
        pool_task_done done;
        pool_task* task;
        void operator()() { task->begin(std::move(done)); }
    };

    void begin(pool_task_done done) {
        if (job_ == pool_job::dial && !pool_->begin_dial(slot_)) {
            finished_ = true;
            return;
        }
        armed_ = shared_from_this();
        armed_here_ = true;
        const time_point now = pool_->rt.now();
        pool_->rt.arm(*this, core::saturating_add(now, pool_->settings.connect_timeout), now);
        try {
            pool_connector& by = *pool_->connector;
            switch (job_) {
            case pool_job::dial: return by.dial(slot_.connection, pool_->executor, std::move(done));
            case pool_job::reset: return by.reset(slot_.connection, std::move(done));
            case pool_job::check: return by.check(slot_.connection, std::move(done));
            }
        } catch (...) {  // whoever had `done` has reported by destroying it
        }
    }

    void stop(bool expired) noexcept {
        try {
            boost::asio::post(strand_, [self = shared_from_this(), expired] {
                if (self->finished_) return;
                self->expired_ = expired;
                self->signal_.emit(boost::asio::cancellation_type::terminal);
            });
        } catch (...) {  // then it takes as long as it takes
        }
    }

    const std::shared_ptr<pool_state> pool_;
    connection_slot& slot_;
    const pool_strand strand_;
    const pool_job job_;
    bool finished_ = false, expired_ = false, armed_here_ = false;  // on the strand
    std::shared_ptr<pool_task> armed_;                              // whoever takes the timer takes it
    boost::asio::cancellation_signal signal_;
};

inline void pool_task_ended(pool_task& task, const error_code& ec) noexcept { task.ended(ec); }

/// Under the lock: what can be known now, and must not be asked later, about entries whose end has been decided.
inline void pool_state::note_done(core::pool_actions& todo) noexcept {
    int refused = 0;
    time_point oldest = never;
    bool wanted = false;
    for (core::pool_waiter* w = todo.done.front(); w; w = w->after) {
        auto& e = static_cast<pool_entry&>(*w);
        if (e.slot) {
            note_lent(e);
            continue;
        }
        ++pinned_;
        if (e.end == core::wait_end::timed_out) ++timeouts_;
        const bool refusal = refusal_of(e.end) != pool_refusal::none;
        wanted = wanted || (refusal && e.report);
        if (refusal && e.since != never) ++refused, oldest = std::min(oldest, e.since);
    }
    if (!wanted) return;
    try {
        const auto seen = std::make_shared<const pool_report>(report_of(core_, now(), refused, oldest));
        for (core::pool_waiter* w = todo.done.front(); w; w = w->after)
            if (auto& e = static_cast<pool_entry&>(*w); e.report) e.seen = seen;
    } catch (...) {  // the refusal stands without its explanation
    }
}

/// Under the lock. An alarm that rings too early is harmless, so only an earlier or a needless one is changed.
inline void pool_state::set_alarm(time_point due) noexcept {
    if (phase_ == timer_phase::firing || context_gone_) return;
    if (phase_ == timer_phase::armed) {
        if (due != never && due >= alarm_at_) return;
        const bool stopped = rt.cancel(*this);
        alarm_at_ = never;
        phase_ = stopped ? timer_phase::off : timer_phase::firing;
        if (!stopped) return;
    }
    if (due == never) return;
    phase_ = timer_phase::armed;
    alarm_at_ = due;
    rt.arm(*this, due);
}

inline void pool_state::on_timer() noexcept {
    locked([&](core::pool_actions& todo) {
        phase_ = timer_phase::off;
        alarm_at_ = never;
        const time_point now = rt.now();
        core_.tick(now, todo);
        while (auto* const s = static_cast<connection_slot*>(core_.next_leak(now))) {
            ++leaks_;
            events_.push(lease_held_long{settings.name, s->tag, s->place, now - s->since});
        }
    });
}

/// Outside the lock. Everything is posted; this may be the last that is heard of the pool.
inline void pool_state::carry_out(core::pool_actions& todo, bool tell) noexcept {
    while (auto* const w = todo.done.pop()) {
        auto* const e = static_cast<pool_entry*>(w);
        e->finished(e);
    }
    while (auto* const s = todo.dial.pop()) start(static_cast<connection_slot&>(*s), pool_job::dial);
    while (auto* const s = todo.reset.pop()) start(static_cast<connection_slot&>(*s), pool_job::reset);
    while (auto* const s = todo.check.pop()) start(static_cast<connection_slot&>(*s), pool_job::check);
    while (auto* const s = todo.close.pop()) post_close(static_cast<connection_slot&>(*s));
    if (!tell) return;
    std::shared_ptr<pool_state> last;
    std::unique_lock lock(mutex_);
    events_.tell(lock);
    last = let_go();
    lock.unlock();
}

inline void pool_state::start(connection_slot& slot, pool_job job) noexcept {
    std::shared_ptr<pool_task> task;
    try {
        if (!context_gone_) task = std::make_shared<pool_task>(shared_from_this(), slot, job);
    } catch (...) {  // no memory
    }
    if (!task) return job == pool_job::dial ? dial_ended(slot, boost::asio::error::no_memory) : reset_ended(slot, false);
    {
        std::lock_guard lock(mutex_);
        slot.task = task;
    }
    pool_task::launch(std::move(task));
}

/// User code does not run inside whoever gave the connection back: perhaps one of its own handlers.
inline void pool_state::post_close(connection_slot& slot) noexcept {
    struct closing {
        std::shared_ptr<pool_state> pool;
        connection_slot* slot;
        closing(std::shared_ptr<pool_state> p, connection_slot* s) noexcept : pool(std::move(p)), slot(s) {}
        closing(closing&& other) noexcept : pool(std::move(other.pool)), slot(other.slot) {}
        ~closing() { (*this)(); }
        void operator()() noexcept {
            if (const auto p = std::move(pool)) p->close_now(*slot);
        }
    };
    if (context_gone_) return close_now(slot);
    closing c(shared_from_this(), &slot);
    const auto ex = executor;  // this object may be gone before `post` returns
    try {
        boost::asio::post(ex, std::move(c));
    } catch (...) {  // its destructor has closed
    }
}

inline void pool_state::dial_ended(connection_slot& slot, error_code ec) noexcept {
    void* const failed = ec ? std::exchange(slot.connection, nullptr) : nullptr;
    if (failed) connector->close(failed);
    locked([&](core::pool_actions& todo) {
        slot.task.reset();
        const time_point now = rt.now();
        if (!ec) {
            ++opened_;
            return core_.dial_succeeded(slot, now, rt.random(), todo);
        }
        const nanoseconds pause = core_.dial_failed(slot, ec, now, rt.random(), todo);
        if (!core_.is_closed()) events_.push(pool_dial_failed{settings.name, ec, core_.pace().failures(), pause});
    });
}

inline void pool_state::drain() noexcept {
    locked([&](core::pool_actions& todo) {
        core_.drain(todo);
        for (const auto& s : slots_)
            if (s->task && !context_gone_) s->task->cancel();  // posts only
    });
}

inline void pool_state::last_handle_gone() noexcept {
    drain();
    const auto self = shared_from_this();
    locked([&](core::pool_actions&) { keep_ = self; });
}

inline void pool_state::resize(int max) {
    {
        std::lock_guard lock(mutex_);
        add_slots(max);
    }
    locked([&](core::pool_actions& todo) { core_.resize(max, now(), todo); });
}

inline pool_snapshot pool_state::snapshot() const {
    std::lock_guard lock(mutex_);
    pool_snapshot s;
    s.used = core_.used();
    s.idle = core_.idle();
    s.dialing = core_.dialing();
    s.waiting = core_.waiting();
    s.max = core_.max();
    s.resetting = core_.resetting();
    s.closing = core_.closing();
    s.peak = peak_;
    if (core_.oldest()) s.oldest_wait = now() - core_.oldest()->since;
    s.waits = waits_.summary();
    s.timeouts = timeouts_;
    s.leaks = leaks_;
    s.opened = opened_;
    s.down = core_.pace().is_down();
    s.last_connect_error = core_.pace().last_error();
    return s;
}

inline void pool_state::context_gone() noexcept {
    const auto self = weak_from_this().lock();
    if (!self) return;
    core::action_chain<core::pool_waiter> waiting;
    {
        std::lock_guard lock(mutex_);
        over_at_ = rt.now();
        context_gone_ = true;
        if (phase_ == timer_phase::armed) rt.cancel(*this);
        phase_ = timer_phase::off;
        alarm_at_ = never;
        while (core::pool_waiter* const w = core_.abandon_one()) waiting.push(*w);
    }
    while (core::pool_waiter* const w = waiting.pop()) {
        auto* const e = static_cast<pool_entry*>(w);
        e->abandoned(e);
    }
    drain();
}

}  // namespace kedge::detail
