// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/postgres/impl/session.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace kedge::postgres::detail {

/// Brings the end of a job to its handler, which takes rows or only a code.
template <bool WithRows, class Handler> class completion {
    using associated = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;
    using executor = std::decay_t<typename boost::asio::prefer_result<
        const associated&, boost::asio::execution::outstanding_work_t::tracked_t>::type>;

public:
    completion(Handler handler, const boost::asio::any_io_executor& io)
        : io_work_(boost::asio::prefer(io, boost::asio::execution::outstanding_work.tracked)),
          work_(boost::asio::prefer(boost::asio::get_associated_executor(handler, io),
                                    boost::asio::execution::outstanding_work.tracked)),
          handler_(std::move(handler)) {}

    void operator()(outcome result, deliver how) {
        const executor ex = work_;
        auto end = [self = std::move(*this), result = std::move(result)]() mutable {
            std::move(self).finish(std::move(result));
        };
        if (how == deliver::here) boost::asio::dispatch(ex, std::move(end));
        else boost::asio::post(ex, std::move(end));
    }

private:
    void finish(outcome result) && {
        boost::asio::get_associated_cancellation_slot(handler_).clear();
        if (call_report* report = get_associated_attempt(handler_).report; report != nullptr && result.ec)
            report->said.set(result.state, result.message.empty() ? result.ec.message() : result.message);
        [[maybe_unused]] const boost::asio::any_io_executor io_work = std::move(io_work_);
        [[maybe_unused]] const executor work = std::move(work_);
        Handler handler = std::move(handler_);
        if constexpr (WithRows) std::move(handler)(result.ec, std::move(result.result));
        else std::move(handler)(result.ec);
    }

    boost::asio::any_io_executor io_work_;
    executor work_;  // not a work guard: Asio's cannot hold a strand of an any_io_executor
    Handler handler_;
};

/// The initiation of each operation: it owns what it starts, so that `deferred` may outlive the connection.
template <bool WithRows> struct launcher {
    std::shared_ptr<session> on;
    boost::asio::any_io_executor io;
    std::shared_ptr<job> work;
    error_code refused;

    template <class Handler> void operator()(Handler&& handler) {
        using ending = completion<WithRows, std::decay_t<Handler>>;
        if (refused) return ending(std::forward<Handler>(handler), io)({refused, {}, {}, {}}, deliver::later);
        listen(boost::asio::get_associated_cancellation_slot(handler));
        work->deadline = get_associated_attempt(handler).deadline;
        work->done = done_function(ending(std::forward<Handler>(handler), io));
        on->submit(std::move(work));
    }

private:
    /// The slot owns nothing: it may outlive the context.
    template <class Slot> void listen(Slot slot) {
        if (!slot.is_connected()) return;
        slot.assign([of = std::weak_ptr(on), what = std::weak_ptr(work)](boost::asio::cancellation_type type) {
            using boost::asio::cancellation_type;
            if ((type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none) return;
            const auto started = what.lock();
            const auto session = of.lock();
            if (started != nullptr && session != nullptr) session->cancel(*started);
        });
    }
};

}  // namespace kedge::postgres::detail
