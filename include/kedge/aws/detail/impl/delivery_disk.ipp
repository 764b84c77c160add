// SPDX-License-Identifier: BSL-1.0
// What a delivery has to do with its spool.
#pragma once

#include <kedge/aws/detail/delivery_shell.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/tracked_executor.hpp>

#include <exception>
#include <utility>

namespace kedge::aws::detail {

/// What could not be read is tried again after this time if nothing else happens before.
inline constexpr nanoseconds read_again_after = std::chrono::seconds(1);

/// For a blocking thread, in this order; and what came of it.
struct delivery_shell::disk_job {
    bool open = false, read = false;
    bool earlier_left = false;  ///< if it was opened
    std::vector<sequence_range> settled{};
    spool_room room{};
    spool_batch batch{};

    bool anything() const noexcept { return open || read || !settled.empty(); }
    void run(spool& disk) noexcept {
        if (open) open = disk.open(), earlier_left = disk.earlier_left();
        if (!settled.empty()) disk.settle(settled);
        if (read) batch = disk.read(room);
    }
};

KEDGE_DECL void delivery_shell::begin() noexcept {
    const std::lock_guard guard(lock_);
    if (core_.room().bytes > 0) post_run();
}

/// The event is on disk before it counts as accepted.
KEDGE_DECL void delivery_shell::store(prepared what, const raw_event& raw) noexcept {
    const std::lock_guard writing(writing_);
    time_point now{};
    bool in_memory = false;
    {
        const std::lock_guard guard(lock_);
        if (!context_gone_) now = rt_.coarse_now();
        if (core_.objection(what)) return void(core_.submit(std::move(what), raw, now));
        in_memory = core_.will_store(what);
    }
    const spool_stored out = spool_->append(what.events, in_memory, raw.severity, now);
    const std::lock_guard guard(lock_);
    core_.displaced(out.displaced, raw.time_ms);
    disk_works_ = out.status != spool_status::failed;
    if (out.status != spool_status::stored) core_.not_stored(what, in_memory);
    switch (out.status) {
    case spool_status::stored: core_.stored(std::move(what), in_memory, now); break;
    case spool_status::full: core_.turn_away(what, raw); break;
    case spool_status::failed: core_.submit(std::move(what), raw, now); break;
    }
    run_in_time();
}

/// `sending_` is held.
template <class Events> void delivery_shell::note_settled(const Events& done) noexcept {
    try {
        if (spool_) settled_.note(done);
    } catch (const std::exception&) {  // no memory: they come again after a restart
    }
}

/// `sending_` is held.
KEDGE_DECL void delivery_shell::work_on_disk(bool may_read) noexcept {
    if (!spool_ || disk_busy_) return;
    const bool too_soon = read_again_at_ != never && rt_.now() < read_again_at_;
    if (may_read && !too_soon) read_again_at_ = never;  // now, or when there is room
    try {
        disk_job job = next_disk_job(may_read && !too_soon);
        if (job.anything()) start_disk_job(std::move(job));
    } catch (const std::exception&) {  // no memory: with the next decision
        disk_busy_ = false;
        const std::lock_guard guard(lock_);
        core_.promise({});
    }
}

/// `sending_` is held.
KEDGE_DECL delivery_shell::disk_job delivery_shell::next_disk_job(bool may_read) {
    disk_job job;
    if (!disk_open_) {
        job.open = rt_.now() >= reopen_at_;
        return job;
    }
    {
        const std::lock_guard guard(lock_);
        if (may_read) job.room = core_.room();
        core_.promise(job.room);
    }
    job.read = job.room.bytes > 0;
    if (settled_.any()) job.settled = settled_.take();
    return job;
}

/// `sending_` is held.
KEDGE_DECL void delivery_shell::start_disk_job(disk_job job) {
    disk_busy_ = true;
    disk_work_ = std::make_shared<disk_work>(kedge::detail::track(executor_));
    rt_.run_blocking([weak = weak_from_this(), disk = spool_, work = disk_work_, ex = executor_, job = std::move(job)]() mutable {
        job.run(*disk);
        try {
            kedge::detail::post_to(ex, [weak, job = std::move(job)]() mutable {
                if (const std::shared_ptr<delivery_shell> self = weak.lock()) self->disk_done(job);
            });
        } catch (const std::exception&) {
            if (const std::shared_ptr<delivery_shell> self = weak.lock()) self->disk_done(job);
        }
    });
}

KEDGE_DECL void delivery_shell::disk_done(disk_job& job) noexcept {
    const bool retried = !disk_open_, in_vain = job.read && !job.batch.moved && !job.batch.crowded;
    decide([&](delivery_actions& more) {
        const moment now = at();
        disk_busy_ = false;
        disk_work_.reset();
        settled_.told();
        if (retried) {
            disk_open_ = disk_works_ = job.open;
            reopen_at_ = core::saturating_add(now.steady, spool_retry);
            core_.expect_earlier(job.earlier_left);
        }
        if (job.read) core_.refill(std::move(job.batch), now);
        core_.tick(now, more);
        if (in_vain) read_again_at_ = core::saturating_add(now.steady, read_again_after);
    }, !in_vain);
}

/// A job that hangs keeps neither the shutdown nor the context; it holds what it uses, and finds us or not.
KEDGE_DECL void delivery_shell::leave_disk() noexcept {
    bool untold = false;  // else it was only reading
    {
        const std::lock_guard sending(sending_);
        if (!disk_busy_ || !*disk_work_) return;
        disk_work_->reset();
        untold = settled_.any();
    }
    if (fallback_ && untold) tell_alarm({delivery_alarm::spool_hangs});
}

/// What a job that will not run any more would have told the disk. `sending_` is held.
KEDGE_DECL void delivery_shell::settle_now() noexcept {
    try {
        if (spool_ && settled_.any()) spool_->settle(settled_.take());
    } catch (const std::exception&) {  // no memory: they come again after a restart
    }
}

/// Once when it fails, and once when it works again. `lock_` is held.
KEDGE_DECL void delivery_shell::tell_of_disk(alarm_list& alarms) noexcept {
    if (disk_works_ == disk_told_) return;
    if (alarms.add(disk_works_ ? delivery_alarm::spool_works : delivery_alarm::spool_failed)) disk_told_ = disk_works_;
}

}  // namespace kedge::aws::detail
