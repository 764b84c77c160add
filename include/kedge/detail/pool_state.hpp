// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/connection_pool.hpp>
#include <kedge/core/pool_snapshot.hpp>
#include <kedge/detail/pool_connector.hpp>
#include <kedge/detail/pool_entry.hpp>
#include <kedge/detail/pool_events.hpp>
#include <kedge/detail/pool_report.hpp>
#include <kedge/detail/pool_service.hpp>
#include <kedge/detail/runtime_lock.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::detail {

/// A connection that rested for longer is looked at before it is lent.
inline constexpr nanoseconds peek_after = std::chrono::milliseconds(500);

/// What the pool itself does with a connection.
enum class pool_job : std::uint8_t { dial, reset, check };

struct pool_settings {
    std::string name;
    core::pool_rules rules;
    nanoseconds acquire_timeout, connect_timeout;
    listener on_event;
};

/** The shell of a pool: lock, clock, timer and connections around the core. It knows neither the connections' type nor
 *  the handlers'.
 *
 *  Every event goes the same way: under the lock the core decides and what concerns others is noted down; after that
 *  it is carried out. A lease has no share in the ownership: connections that are out, and operations on their way to
 *  their handlers, are counted, and the last of them lets go of a pool whose handles are gone (`keep_`).
 */
class pool_state final : public std::enable_shared_from_this<pool_state>, private context_follower, private timer_node {
public:
    pool_state(boost::asio::any_io_executor ex, pool_settings s, std::unique_ptr<pool_connector> c)
        : settings(std::move(s)), executor(std::move(ex)),
          context(&boost::asio::query(executor, boost::asio::execution::context)), rt(runtime::of(executor)),
          connector(std::move(c)), core_(kept_alive(settings.rules, connector->can_check)), events_(settings.on_event),
          service_(service_of(executor, *context)) {
        fire = [](timer_node* n) noexcept { static_cast<pool_state*>(n)->on_timer(); };
        add_slots(settings.rules.max);
        service_.join(*this);
    }
    ~pool_state() {
        if (!context_destroyed_) service_.leave(*this);
    }

    /// The context is being destroyed, or has been: nothing is lent any more, and neither its clock nor its queue is touched.
    bool is_over() const noexcept { return context_gone_.load(std::memory_order_acquire); }
    /// The time stands still with the end of its clock, so that reports still say how long something took.
    time_point now() const noexcept { return is_over() ? over_at_ : rt.now(); }

    /// Null if nothing is idle. A connection that rested for long is looked at, outside the lock.
    connection_slot* try_lend(const boost::source_location& place, std::string_view tag) noexcept {
        for (;;) {
            core::pool_actions todo;
            connection_slot* slot;
            bool tell;
            {
                std::lock_guard lock(mutex_);
                slot = static_cast<connection_slot*>(core_.try_acquire(coarse(), todo));
                if (slot) {
                    slot->place = place;
                    slot->tag = tag;
                }
                tell = settle(todo);
            }
            if (!todo.empty() || tell) [[unlikely]] carry_out(todo, tell);
            if (!slot || !turned_out_dead(*slot)) return slot;
        }
    }

    /// Ends in `e.finished`, never during this call for an asynchronous one: it posts. `e` may be gone on return.
    void acquire(pool_entry& e) noexcept {
        for (bool again = true; again;) {
            connection_slot* fresh = nullptr;
            locked([&](core::pool_actions& todo) {
                core_.acquire(e, e.begun, todo);
                if (e.granted() && connector->can_peek && e.slot->rested >= peek_after) fresh = e.granted();
                else if (e.end != core::wait_end::none) todo.done.push(e);
                if (fresh) note_lent(e);
            });
            again = fresh && turned_out_dead(*fresh);
            if (!fresh) return;
            if (!again) return e.finished(&e);
            e.slot = nullptr;
            e.end = core::wait_end::none;
        }
    }

    /// False: it is ending in another way. A limit around the wait passes at the same moment as the wait's own: whichever
    /// is heard first, it was the pool that had nothing to give.
    bool cancel(pool_entry& e) noexcept {
        bool left = false;
        locked([&](core::pool_actions& todo) {
            left = core_.cancel(e, now());
            if (left) todo.done.push(e);
        });
        return left;
    }

    /// Ends when nothing is out any more, or at the entry's deadline.
    void shut_down(pool_entry& e) noexcept {
        drain();
        locked([&](core::pool_actions& todo) {
            core_.wait_drained(e, now());
            if (e.end != core::wait_end::none) todo.done.push(e);
        });
    }

    /// Ends when the pool is shut down.
    void run_upkeep(pool_entry& e) noexcept {
        locked([&](core::pool_actions& todo) {
            core_.run(e, now(), todo);
            if (e.end != core::wait_end::none) todo.done.push(e);
        });
    }

    /// @param why what broke it, if it is broken
    void give_back(connection_slot& slot, reuse how, const error_code& why = {}) noexcept {
        if (how == reuse::needs_reset && !connector->can_reset) how = reuse::broken;
        locked([&](core::pool_actions& todo) {
            const time_point now = moment();
            if (how == reuse::broken) note_loss(slot, why, now, todo);
            core_.release(slot, how, now, todo);
        });
    }

    /// The connection itself knows best; `otherwise` if its connector has no `inspect`.
    void inspect_and_give_back(connection_slot& slot, reuse otherwise, const error_code& why = {}) noexcept {
        const bool ask = connector->inspect && !is_over();
        give_back(slot, ask ? connector->inspect(slot.connection) : otherwise, why);
    }

    /// An entry that ended without a connection has reached its handler.
    void unpin() noexcept {
        locked([&](core::pool_actions&) { --pinned_; });
    }

    bool begin_dial(connection_slot& slot) noexcept {
        bool begun = false;
        locked([&](core::pool_actions& todo) {
            begun = core_.begin_dial(slot, rt.now(), todo);
            if (!begun) slot.task.reset();
        });
        return begun;
    }
    void dial_ended(connection_slot& slot, error_code ec) noexcept;
    void reset_ended(connection_slot& slot, bool ok) noexcept {
        locked([&](core::pool_actions& todo) {
            slot.task.reset();
            core_.reset_ended(slot, ok, moment(), todo);
        });
    }
    /// What comes back when its context has been destroyed is neither closed nor destroyed: its sockets would touch what is
    /// gone.
    void close_now(connection_slot& slot) noexcept {
        if (void* const c = std::exchange(slot.connection, nullptr); c && !context_destroyed_) connector->close(c);
        locked([&](core::pool_actions& todo) { core_.closed(slot, moment(), todo); });
    }

    void drain() noexcept;
    void last_handle_gone() noexcept;
    void resize(int max);
    void invalidate() noexcept {
        locked([&](core::pool_actions& todo) { core_.invalidate(now(), todo); });
    }
    pool_snapshot snapshot() const;
    pool_report report_now(int refused, time_point since) const noexcept {
        std::lock_guard lock(mutex_);
        return report_of(core_, now(), refused, since);
    }
    error_code last_error() const noexcept {
        std::lock_guard lock(mutex_);
        return core_.pace().last_error();
    }

    const pool_settings settings;
    const boost::asio::any_io_executor executor;
    boost::asio::execution_context* const context;  ///< its address; @ref is_over says whether there is anything
    runtime& rt;
    const std::unique_ptr<pool_connector> connector;

private:
    static core::pool_rules kept_alive(core::pool_rules rules, bool can_check) noexcept {
        rules.keepalive = can_check ? core::keepalive_interval : nanoseconds::zero();
        return rules;
    }

    /// Services are shut down in reverse order: strands must know their end after the pool, which would start resets on them.
    static pool_service& service_of(const boost::asio::any_io_executor& ex, boost::asio::execution_context& context) {
        const pool_strand first(ex);
        return boost::asio::use_service<pool_service>(context);
    }

    enum class timer_phase : std::uint8_t { off, armed, firing };

    /// What is to be told needs this object until it is told, while others may do the rest, and let go; so does what cannot
    /// be posted any more.
    template <class Step> void locked(Step step) noexcept {
        core::pool_actions todo;
        std::shared_ptr<pool_state> last;
        bool tell;
        {
            std::lock_guard lock(mutex_);
            step(todo);
            tell = settle(todo);
            last = let_go();
            if (!last && (tell || is_over())) last = weak_from_this().lock();
        }
        if (tell || !todo.empty()) carry_out(todo, tell);
    }

    /// Under the lock. The precise time is needed where a deadline is at stake.
    time_point moment() const noexcept { return core_.waiting() > 0 ? now() : coarse(); }

    /// A lease may come back when the clock's owner is gone already.
    time_point coarse() const noexcept { return is_over() ? over_at_ : rt.coarse_now(); }

    /// Under the lock, at the end of every event. True: the listener is to be told of something. Unless this is true or
    /// there is something to do, this object may be gone as soon as the lock is.
    bool settle(core::pool_actions& todo) noexcept {
        if (!todo.done.empty()) note_done(todo);
        if (core_.used() > peak_) peak_ = core_.used();
        if (events_.wanted()) {
            events_.note_down(settings.name, core_.pace().is_down(), core_.pace().last_error());
            events_.note_pressure(settings.name, core_.used(), core_.max(), core_.waiting());
        }
        if (const time_point due = core_.due(); due != alarm_at_) set_alarm(due);
        return events_.pending();
    }

    void note_lent(pool_entry& e) noexcept {
        e.granted()->place = e.place;
        e.granted()->tag = e.tag;
        if (e.since != never) waits_.add(e.granted()->since - e.since);
    }

    /// One lost connection says nothing about the others; several at a time, or the server's own word, do.
    void note_loss(const connection_slot& slot, const error_code& why, time_point now, core::pool_actions& todo) noexcept {
        const bool condemns = connector->condemns && connector->condemns(why);
        if ((condemns || is_lost_connection(why)) && core_.lost(slot, condemns, now, todo))
            events_.push(pool_invalidated{settings.name, why});
    }

    void note_done(core::pool_actions& todo) noexcept;
    void set_alarm(time_point due) noexcept;
    void on_timer() noexcept;
    void carry_out(core::pool_actions& todo, bool tell) noexcept;
    void start(connection_slot& slot, pool_job job) noexcept;
    void post_close(connection_slot& slot) noexcept;
    void context_gone() noexcept override;
    void context_destroyed() noexcept override { context_destroyed_ = true; }

    bool turned_out_dead(connection_slot& slot) noexcept {
        if (!connector->can_peek || slot.rested < peek_after || !connector->is_dead(slot.connection)) return false;
        give_back(slot, reuse::broken, boost::asio::error::eof);
        return true;
    }

    void add_slots(int upto) {
        slots_.reserve(static_cast<std::size_t>(upto));
        while (core_.slot_count() < upto) core_.add_slot(*slots_.emplace_back(std::make_unique<connection_slot>()));
    }

    /// Under the lock: the ownership, if nothing is left that needs this.
    std::shared_ptr<pool_state> let_go() noexcept {
        const bool quiet = core_.nothing_left() && core_.nobody_waits() && pinned_ == 0 && phase_ == timer_phase::off;
        return keep_ && quiet && !events_.busy() ? std::move(keep_) : nullptr;
    }

    mutable spinlock mutex_;  ///< entered twice for each use of a connection, for some tens of ns
    core::connection_pool core_;
    std::vector<std::unique_ptr<connection_slot>> slots_;
    std::shared_ptr<pool_state> keep_;  ///< itself, once its handles are gone
    int pinned_ = 0;
    timer_phase phase_ = timer_phase::off;
    time_point alarm_at_ = never;
    pool_events events_;
    core::wait_histogram waits_;
    int peak_ = 0;
    std::uint64_t timeouts_ = 0, leaks_ = 0, opened_ = 0;
    pool_service& service_;
    time_point over_at_{};  ///< set before, and read after, the first of these
    std::atomic<bool> context_gone_{false}, context_destroyed_{false};
};

}  // namespace kedge::detail

#include <kedge/detail/pool_state_impl.hpp>
