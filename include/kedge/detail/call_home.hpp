// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/call_lock.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/spawn.hpp>
#include <kedge/detail/tracked_executor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/query.hpp>

#include <utility>

// Where the steps of one call run, one after the other.

namespace kedge::detail {

namespace asio = boost::asio;

enum class home_kind {
    lock,        ///< any number of threads: a lock of the call's own, shown to the operation as its executor
    one_thread,  ///< the user's promise: nothing to do
};

/** The executor that an operation sees in place of the handler's: it enters the call's lock.
 *
 *  A bare pointer: Asio destroys its work guards after the upcall, when the call is gone already, so copying and
 *  destroying do nothing. The call holds the work guard of the user's executor.
 */
template <class Frame, bool Never> class frame_executor {
public:
    explicit frame_executor(Frame* f) noexcept : frame_(f) {}

    friend bool operator==(frame_executor a, frame_executor b) noexcept { return a.frame_ == b.frame_; }
    friend bool operator!=(frame_executor a, frame_executor b) noexcept { return a.frame_ != b.frame_; }

    /// The user's executor, which outlives the call.
    const auto& beneath() const noexcept { return frame_->home().executor(); }

    asio::execution_context& query(asio::execution::context_t) const noexcept {
        return asio::query(beneath(), asio::execution::context);
    }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
        if constexpr (Never) return asio::execution::blocking.never;
        else return asio::execution::blocking.possibly;
    }
    frame_executor<Frame, true> require(asio::execution::blocking_t::never_t) const noexcept {
        return frame_executor<Frame, true>(frame_);
    }
    frame_executor<Frame, false> require(asio::execution::blocking_t::possibly_t) const noexcept {
        return frame_executor<Frame, false>(frame_);
    }

    template <class F> void execute(F&& f) const {
        auto enter = [frame = frame_, f = std::decay_t<F>(std::forward<F>(f))]() mutable {
            frame->home().run([frame, f = std::move(f)]() mutable {
                if (!frame->abandoned()) std::move(f)();
            });
        };
        if constexpr (Never) post_to(beneath(), std::move(enter));
        else dispatch_to(beneath(), std::move(enter));
    }

private:
    Frame* frame_;
};

template <class Frame, home_kind Kind, class Executor> class call_home;

template <class Frame, class Executor> class call_home<Frame, home_kind::lock, Executor> {
public:
    using inner_executor = frame_executor<Frame, false>;

    call_home(Frame& f, const Executor& user)
        : frame_(f), user_(track(user)) {}

    const auto& executor() const noexcept { return user_; }
    inner_executor shown() const noexcept { return inner_executor(&frame_); }
    asio::any_io_executor for_coroutine() const { return strand_of(user_); }
    template <class F> void run(F&& f) { lock_.run(std::forward<F>(f)); }
    bool try_release() noexcept { return lock_.try_release(); }
    void release() { lock_.release(); }
    tracked_executor<Executor> take_work() noexcept { return std::move(user_); }

private:
    Frame& frame_;
    tracked_executor<Executor> user_;
    call_lock lock_;
};

template <class Frame, class Executor> class call_home<Frame, home_kind::one_thread, Executor> {
public:
    using inner_executor = Executor;

    call_home(Frame&, const Executor& user)
        : plain_(user), work_(track(user)) {}

    const Executor& executor() const noexcept { return plain_; }
    const Executor& shown() const noexcept { return plain_; }
    asio::any_io_executor for_coroutine() const { return lasting(plain_); }
    template <class F> void run(F&& f) { std::forward<F>(f)(); }
    tracked_executor<Executor> take_work() noexcept { return std::move(work_); }

private:
    [[no_unique_address]] Executor plain_;
    tracked_executor<Executor> work_;
};

}  // namespace kedge::detail
