// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sqlite/impl/handles.ipp>
#include <kedge/sqlite/impl/session.hpp>

#include <boost/asio/error.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace kedge::sqlite::detail {

/// 1, 2, 4, … 32 ms: short enough that a lock which is held for one statement costs little.
inline nanoseconds lock_backoff(int waits) noexcept { return std::chrono::milliseconds(1 << std::min(waits, 5)); }

/// Whether the lock's holder will go away by itself. A snapshot that is too old to write from never gets younger.
inline bool is_lock(const error_code& ec) noexcept {
    return (ec == errc::busy || ec == errc::locked) && ec.value() != SQLITE_BUSY_SNAPSHOT;
}

/// After these nothing that this connection says can be relied on.
inline bool ruins(const error_code& ec) noexcept {
    return ec == errc::corrupt || ec == errc::not_a_database || ec == errc::io || ec == errc::no_memory ||
           ec == make_error_code(SQLITE_READONLY_DBMOVED);
}

KEDGE_DECL void session_registry::add(session& one) {
    const std::lock_guard lock(mutex_);
    sessions_.push_back(&one);
}

KEDGE_DECL void session_registry::remove(session& one) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = std::find(sessions_.begin(), sessions_.end(), &one);
    *found = sessions_.back();
    sessions_.pop_back();
}

KEDGE_DECL void session_registry::shutdown() {
    std::vector<std::shared_ptr<session>> alive;
    {
        const std::lock_guard lock(mutex_);
        for (session* one : sessions_)
            if (auto held = one->weak_from_this().lock()) alive.push_back(std::move(held));
    }
    for (const auto& one : alive) one->forget_handlers();
}

KEDGE_DECL session::session(runtime& rt, boost::asio::execution_context& ctx)
    : runtime_(rt), registry_(boost::asio::use_service<session_registry>(ctx)), handles_(std::make_unique<handles>()) {
    registry_.add(*this);
}

KEDGE_DECL session::~session() { registry_.remove(*this); }

KEDGE_DECL void session::submit(const std::shared_ptr<job>& work) {
    if (work->what == task::reset) cancel_statements();
    std::unique_lock lock(mutex_);
    if (closed_) {
        lock.unlock();
        return abort_all(work, boost::asio::error::not_connected);
    }
    if (first_ != nullptr) {
        last_->next = work;
        last_ = work.get();
        return;
    }
    first_ = work;
    last_ = work.get();
    try {
        start();
    } catch (...) {
        first_ = nullptr;
        throw;
    }
}

/// Puts the first job on a blocking thread. Called under the mutex.
KEDGE_DECL void session::start() {
    runtime_.run_blocking([self = shared_from_this()] { self->run(); });
    on_thread_ = true;
}

/// As start(); without memory for that, it gives back all jobs, for the caller to end after unlocking.
KEDGE_DECL std::shared_ptr<job> session::start_or_drop() noexcept {
    try {
        start();
        return nullptr;
    } catch (const std::exception&) {
        broken_ = true;
        return std::exchange(first_, nullptr);
    }
}

KEDGE_DECL void session::abort_all(std::shared_ptr<job> chain, const error_code& why) noexcept {
    while (chain != nullptr) {
        try {
            if (chain->done) chain->done({why, {}, {}, false, std::move(chain->batches)});
        } catch (const std::exception&) {  // no memory to post: the handler was destroyed, as an abandoned one is
        }
        chain = std::exchange(chain->next, nullptr);
    }
}

KEDGE_DECL int session::on_progress(void* self) noexcept {
    return static_cast<session*>(self)->first_->stopped.load(std::memory_order_relaxed) ? 1 : 0;
}

KEDGE_DECL outcome session::perform(job& work) {
    switch (work.what) {
    case task::open: return handles_->open(work.where, &session::on_progress, this);
    case task::execute:
        return work.begun ? handles_->go_on() : handles_->execute(work.text, work.values, work.in_batches);
    case task::reset: return handles_->reset();
    }
    return {};
}

KEDGE_DECL void session::run() noexcept {
    job& work = *first_;  // stays so until end()
    if (work.stopped) return end(work, {boost::asio::error::operation_aborted, {}, {}});
    outcome result;
    try {
        result = perform(work);
        if (is_lock(result.ec) && !work.begun && wait_for_lock(work)) return;
        if (result.unfinished) {
            if (give_batch(work, result.result)) return;
            result = {boost::asio::error::operation_aborted, {}, {}};
        }
    } catch (const std::exception&) {  // the rows do not fit into memory
        result = {make_error_code(boost::system::errc::not_enough_memory), {}, {}};
    }
    end(work, std::move(result));
}

/// Arms the timer for another try; false if it is time to give up.
KEDGE_DECL bool session::wait_for_lock(job& work) {
    const time_point now = runtime_.now();
    if (work.give_up == never) work.give_up = core::saturating_add(now, busy_wait);
    const time_point due = core::saturating_add(now, lock_backoff(work.waits++));
    const std::lock_guard lock(mutex_);
    if (work.stopped || closed_ || due > work.give_up) return false;
    on_thread_ = false;
    waiting_ = shared_from_this();
    work.owner = this;
    work.fire = &session::on_timer;
    runtime_.arm(work, due);
    return true;
}

KEDGE_DECL void session::on_timer(timer_node* node) noexcept {
    session& self = *static_cast<job*>(node)->owner;
    std::shared_ptr<session> alive;
    std::shared_ptr<job> dropped;
    {
        const std::lock_guard lock(self.mutex_);
        alive = std::move(self.waiting_);
        dropped = self.start_or_drop();
    }
    abort_all(std::move(dropped), make_error_code(boost::system::errc::not_enough_memory));
}

/// Pauses until the caller has handled it; false if nobody wants it any more. Afterwards the job may be gone.
KEDGE_DECL bool session::give_batch(job& work, rows& some) {
    std::shared_ptr<kedge::detail::batch_route<session, job>> by;
    std::shared_ptr<job> of;
    {
        const std::lock_guard lock(mutex_);
        if (work.stopped || closed_) return false;
        by = work.batches;
        of = first_;
        work.begun = true;
        on_thread_ = false;
        paused_ = true;
    }
    try {
        kedge::detail::batch_route<session, job>::give(std::move(by), std::move(some), std::move(of));
    } catch (const std::exception&) {  // no memory to post: the batch was destroyed, which has resumed
    }
    return true;
}

KEDGE_DECL void session::resume(job& work, bool go_on) noexcept {
    std::shared_ptr<job> dropped;
    {
        const std::lock_guard lock(mutex_);
        if (first_.get() != &work || !std::exchange(paused_, false)) return;
        if (!go_on) work.stopped = true;
        dropped = start_or_drop();
    }
    abort_all(std::move(dropped), make_error_code(boost::system::errc::not_enough_memory));
}

/// The blocking thread is done with the current job.
KEDGE_DECL void session::end(job& work, outcome result) noexcept {
    handles_->abandon();
    std::shared_ptr<job> finished, dropped;
    std::unique_ptr<handles> goodbye;
    done_function done;
    {
        const std::lock_guard lock(mutex_);
        done = std::move(work.done);
        result.batches = std::move(work.batches);
        broken_ = broken_ || ruins(result.ec) || (work.what != task::execute && result.ec);
        finished = std::move(first_);
        first_ = std::move(finished->next);
        on_thread_ = false;
        if (closed_) goodbye = std::move(handles_);
        else if (first_ != nullptr) dropped = start_or_drop();
    }
    goodbye.reset();
    abort_all(std::move(dropped), make_error_code(boost::system::errc::not_enough_memory));
    try {
        if (done) done(std::move(result));
    } catch (const std::exception&) {  // no memory to post, see abort_all()
    }
}

/// Stops what runs on the blocking thread. Called under the mutex.
KEDGE_DECL void session::interrupt() noexcept {
    if (first_->what != task::open) handles_->interrupt();  // while it opens, the handle belongs to that thread alone
}

KEDGE_DECL void session::cancel(job& work) noexcept {
    done_function done;
    std::shared_ptr<void> batches;
    std::shared_ptr<session> alive;
    std::shared_ptr<job> dropped;
    {
        const std::lock_guard lock(mutex_);
        work.stopped = true;
        done = std::move(work.done);
        batches = std::move(work.batches);
        if (first_.get() == &work) {
            if (on_thread_) {
                interrupt();
            } else if (std::exchange(paused_, false) || runtime_.cancel(work)) {
                alive = std::move(waiting_);
                dropped = start_or_drop();  // sees `stop` and makes room for the next
            }
        }
    }
    if (done) done({boost::asio::error::operation_aborted, {}, {}, false, std::move(batches)});
    abort_all(std::move(dropped), make_error_code(boost::system::errc::not_enough_memory));
}

/// The borrower has gone, so that nobody needs what he left running.
KEDGE_DECL void session::cancel_statements() noexcept {
    while (const std::shared_ptr<job> left = kedge::detail::find_statement(mutex_, first_)) cancel(*left);
}

/// Never blocks: the file is closed on a blocking thread, after the current job has noticed.
KEDGE_DECL void session::close() noexcept {
    std::unique_ptr<handles> goodbye;
    std::shared_ptr<session> alive;
    std::shared_ptr<job> dropped, unstarted;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
        if (first_ != nullptr && !on_thread_ && !paused_ && runtime_.cancel(*first_)) {
            alive = std::move(waiting_);
            dropped = std::move(first_);
        } else if (first_ != nullptr) {
            first_->stopped = true;
            if (on_thread_) interrupt();
            dropped = std::move(first_->next);
            if (std::exchange(paused_, false)) unstarted = start_or_drop();  // a blocking thread ends the statement
        }
        if (first_ == nullptr) goodbye = std::move(handles_);
    }
    abort_all(std::move(unstarted), boost::asio::error::operation_aborted);
    abort_all(std::move(dropped), boost::asio::error::operation_aborted);
    if (goodbye == nullptr || !goodbye->is_open()) return;
    try {
        runtime_.run_blocking([closing = std::move(goodbye)]() mutable { closing.reset(); });
    } catch (const std::exception&) {  // no memory for the task: it was closed here
    }
}

/// The context is being destroyed: destroys the handlers, stops what runs.
KEDGE_DECL void session::forget_handlers() noexcept {
    std::shared_ptr<session> alive;
    for (;;) {
        done_function done;  // destroyed outside the lock; they may own the connection, whose end comes back here
        std::shared_ptr<void> batches;
        const std::lock_guard lock(mutex_);
        job* with_handler = first_.get();
        while (with_handler != nullptr && !with_handler->done && !with_handler->batches)
            with_handler = with_handler->next.get();
        if (with_handler == nullptr) break;
        done = std::move(with_handler->done);
        batches = std::move(with_handler->batches);
    }
    std::shared_ptr<job> paused;
    const std::lock_guard lock(mutex_);
    if (first_ == nullptr) return;
    first_->stopped = true;
    if (std::exchange(paused_, false)) {
        handles_->abandon();
        paused = std::move(first_);
    } else if (on_thread_ && handles_ != nullptr) interrupt();
    else if (runtime_.cancel(*first_)) alive = std::move(waiting_);
}

KEDGE_DECL session_state session::state() const noexcept {
    const std::lock_guard lock(mutex_);
    if (broken_ || closed_) return session_state::broken;
    if (first_ != nullptr) return session_state::dirty;
    if (handles_->in_transaction()) return session_state::dirty;  // its user may go on, whatever else he did
    return handles_->altered() ? session_state::broken : session_state::clean;
}

}  // namespace kedge::sqlite::detail
