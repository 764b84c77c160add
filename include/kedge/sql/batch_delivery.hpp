// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sql/batches.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <type_traits>
#include <utility>

// What the connections that hand over a result in pieces have in common: the way of a piece from a session to the function of
// whoever asked. A job of such a session has `stopped`, and `batches` for the way; the session has `resume(job&, bool go_on)`.

namespace kedge::detail {

/// The way of one statement's batches.
template <class Session, class Job> class batch_route {
public:
    batch_route(const std::shared_ptr<Session>& from, batch_receiver to) noexcept : from_(from), to_(std::move(to)) {}
    batch_route(const batch_route&) = delete;
    batch_route& operator=(const batch_route&) = delete;
    virtual ~batch_route() = default;

    /// Whatever happens, the session is told to resume once. Keeps no way: its last owner destroys what belongs to the caller.
    static void give(std::shared_ptr<batch_route> by, rows some, std::shared_ptr<Job> of) {
        batch_route& way = *by;
        way.post(delivery(std::move(by), std::move(some), std::move(of)));
    }

protected:
    /// One batch on its way. The session goes on when it has been handled, or stops when nobody will.
    class delivery {
    public:
        delivery(std::shared_ptr<batch_route> by, rows some, std::shared_ptr<Job> of) noexcept
            : by_(std::move(by)), rows_(std::move(some)), of_(std::move(of)) {}
        delivery(delivery&&) noexcept = default;
        delivery& operator=(delivery&&) = delete;
        ~delivery() {
            if (of_ != nullptr) by_->resume(*of_, false);
        }

        void operator()() {
            const std::shared_ptr<Job> of = std::move(of_);
            if (!of->stopped) by_->resume(*of, by_->to_(std::move(rows_)));
        }

    private:
        std::shared_ptr<batch_route> by_;
        rows rows_;
        std::shared_ptr<Job> of_;
    };

private:
    virtual void post(delivery) = 0;
    void resume(Job& of, bool go_on) noexcept {
        if (const auto session = from_.lock()) session->resume(of, go_on);
    }

    const std::weak_ptr<Session> from_;  // it holds the job, which holds this, and may not outlive its context
    const batch_receiver to_;
};

/// To an executor.
template <class Session, class Job, class Executor> class batch_route_to final : public batch_route<Session, Job> {
public:
    using base = batch_route<Session, Job>;
    batch_route_to(const std::shared_ptr<Session>& from, batch_receiver to, const Executor& ex)
        : base(from, std::move(to)), executor_(ex) {}

private:
    void post(typename base::delivery batch) override {
        const Executor ex = executor_;  // this may go with the batch
        boost::asio::post(ex, std::move(batch));
    }
    const Executor executor_;
};

/// The initiation of a statement whose rows go away in batches; `Launcher` is that of any other.
template <class Launcher> struct batch_launcher {
    Launcher start;
    batch_receiver to;

    template <class Handler> void operator()(Handler&& handler) {
        using session = std::decay_t<decltype(*start.on)>;
        using job = std::decay_t<decltype(*start.work)>;
        const auto ex = boost::asio::get_associated_executor(handler, start.io);
        start.work->batches = std::make_shared<batch_route_to<session, job, std::decay_t<decltype(ex)>>>(start.on, to, ex);
        start(std::forward<Handler>(handler));
    }
};

}  // namespace kedge::detail
