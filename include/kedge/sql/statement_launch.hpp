// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/sql/connection_concept.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>

// How a statement gets from its caller into the session of a connection, and its end back to the caller, whatever the database.

namespace kedge::detail {

/// Whether a handler may run where its operation ended, or has to be posted.
enum class deliver : std::uint8_t { here, later };

/// A statement that runs or waits in a session and that nobody has cancelled yet.
/// @param first  the session's first job, guarded by the mutex as all that follow it
template <class Job> std::shared_ptr<Job> find_statement(std::mutex& mutex, const std::shared_ptr<Job>& first) noexcept {
    const std::lock_guard lock(mutex);
    const std::shared_ptr<Job>* at = &first;
    while (*at != nullptr && ((*at)->stopped || !(*at)->is_statement())) at = &(*at)->next;
    return *at;
}

/// Brings the end of a job to its handler, which takes rows or only a code.
/// @tparam Outcome has `ec`, `result`, the database's own words in `message`, and perhaps an SQLSTATE in `state`
template <bool WithRows, class Outcome, class Handler> class statement_completion {
    using associated = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;
    using executor = std::decay_t<typename boost::asio::prefer_result<
        const associated&, boost::asio::execution::outstanding_work_t::tracked_t>::type>;

public:
    statement_completion(Handler handler, const boost::asio::any_io_executor& io)
        : io_work_(boost::asio::prefer(io, boost::asio::execution::outstanding_work.tracked)),
          work_(boost::asio::prefer(boost::asio::get_associated_executor(handler, io),
                                    boost::asio::execution::outstanding_work.tracked)),
          handler_(std::move(handler)) {}

    void operator()(Outcome result, deliver how = deliver::later) {
        const executor ex = work_;
        auto end = [self = std::move(*this), result = std::move(result)]() mutable {
            std::move(self).finish(std::move(result));
        };
        if (how == deliver::here) boost::asio::dispatch(ex, std::move(end));
        else boost::asio::post(ex, std::move(end));
    }

private:
    void finish(Outcome result) && {
        boost::asio::get_associated_cancellation_slot(handler_).clear();
        if (call_report* report = get_associated_attempt(handler_).report; report != nullptr && result.ec)
            report->said.set(state_of(result), result.message.empty() ? result.ec.message() : result.message);
        [[maybe_unused]] const boost::asio::any_io_executor io_work = std::move(io_work_);
        [[maybe_unused]] const executor work = std::move(work_);
        Handler handler = std::move(handler_);
        if constexpr (WithRows) std::move(handler)(result.ec, std::move(result.result));
        else std::move(handler)(result.ec);
    }

    static std::string_view state_of(const Outcome& result) noexcept {
        if constexpr (requires { result.state; }) return result.state;
        else return {};
    }

    boost::asio::any_io_executor io_work_;
    executor work_;  // not a work guard: Asio's cannot hold a strand of an any_io_executor
    Handler handler_;
};

/// The initiation of each operation: it owns what it starts, so that `deferred` may outlive the connection.
template <bool WithRows, class Session, class Job> struct statement_launcher {
    std::shared_ptr<Session> on;
    boost::asio::any_io_executor io;
    std::shared_ptr<Job> work;
    error_code refused;

    template <class Handler> void operator()(Handler&& handler) {
        using outcome = typename Job::outcome_type;
        using completion = statement_completion<WithRows, outcome, std::decay_t<Handler>>;
        if (refused) return completion(std::forward<Handler>(handler), io)(outcome{.ec = refused});
        listen(boost::asio::get_associated_cancellation_slot(handler));
        if constexpr (requires { work->deadline; }) work->deadline = get_associated_attempt(handler).deadline;
        completion done(std::forward<Handler>(handler), io);
        work->done = std::move(done);
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

}  // namespace kedge::detail
