// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/impl/session.hpp>

#include <boost/asio/error.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace kedge::postgres::detail {

/// One entry into a session: holds its lock, and collects what is to be told to handlers once the lock is free.
class session::turn {
public:
    turn(session& of, deliver how) : lock_(of.mutex_), how_(how) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

    /// A job that is over. Its handler may have been told already.
    void ended(std::shared_ptr<job> one) noexcept {
        one->stopped = true;  // who cancels it from now on is too late: its handler is told without the lock
        one->next = nullptr;
        job* const added = one.get();
        (last_ != nullptr ? last_->next : first_) = std::move(one);
        last_ = added;
    }

    /// A handler whose job goes on without it.
    void aborted(done_function done) noexcept { aborted_ = std::move(done); }

    /// Rows for the caller of the current job.
    void batch(rows some, std::shared_ptr<job> of) noexcept {
        some_ = std::move(some);
        batch_of_ = std::move(of);
    }

    /// Once, at the end. Afterwards the session may be gone.
    void deliver_all() {
        lock_.unlock();
        if (aborted_) tell(aborted_, outcome{boost::asio::error::operation_aborted, {}, {}, {}}, deliver::later);
        if (batch_of_) {
            job& of = *batch_of_;
            kedge::detail::batch_route<session, job>::give(of.batches, std::move(some_), std::move(batch_of_));
        }
        while (first_ != nullptr) {
            const std::shared_ptr<job> one = std::exchange(first_, first_->next);
            one->next = nullptr;
            if (one->done) tell(one->done, std::move(one->result), how_);
        }
    }

private:
    static void tell(done_function& done, outcome result, deliver how) {
        if (how == deliver::here) return done(std::move(result), how);
        try {
            done(std::move(result), how);
        } catch (const std::exception&) {  // no memory to post: the handler was destroyed, as an abandoned one is
        }
    }

    std::unique_lock<std::mutex> lock_;
    const deliver how_;
    std::shared_ptr<job> first_;
    job* last_ = nullptr;
    done_function aborted_;
    rows some_;
    std::shared_ptr<job> batch_of_;
};

}  // namespace kedge::postgres::detail
