// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/detail/handler_memory.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/sql/connection_concept.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>

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

/// The last statement that runs or waits in a session and that nobody has cancelled yet. Who cancels all of them begins behind,
/// or one would start when the one before it ends.
/// @param first  the session's first job, guarded by the mutex as all that follow it
template <class Job> std::shared_ptr<Job> find_statement(std::mutex& mutex, const std::shared_ptr<Job>& first) noexcept {
    const std::lock_guard lock(mutex);
    std::shared_ptr<Job> last;
    for (const std::shared_ptr<Job>* at = &first; *at != nullptr; at = &(*at)->next)
        if (!(*at)->stopped && (*at)->is_statement()) last = *at;
    return last;
}

/** The way of a job's end to its handler, whatever the handler's type: owned, movable, used once. Without having been used it
 *  destroys the handler.
 *  @tparam Outcome has `ec`, `result`, the database's own words in `message`, and perhaps an SQLSTATE in `state`
 */
template <class Outcome> class statement_end {
public:
    /// The handler in its own memory, which is given back before it runs.
    struct block {
        virtual void tell(Outcome&&, deliver) = 0;  // and destroys itself, sooner or later
        virtual void destroy() noexcept = 0;

    protected:
        ~block() = default;
    };

    statement_end() = default;
    explicit statement_end(block* owned) noexcept : block_(owned) {}
    statement_end(statement_end&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    statement_end& operator=(statement_end&& other) noexcept {
        statement_end old(std::exchange(block_, std::exchange(other.block_, nullptr)));
        return *this;
    }
    ~statement_end() {
        if (block_ != nullptr) block_->destroy();
    }

    explicit operator bool() const noexcept { return block_ != nullptr; }
    void operator()(Outcome result, deliver how = deliver::later) {
        std::exchange(block_, nullptr)->tell(std::move(result), how);
    }

private:
    block* block_ = nullptr;
};

/// For a handler that takes rows, or only a code.
template <bool WithRows, class Outcome, class Handler> class statement_completion final : statement_end<Outcome>::block {
    using home = tracked_home<Handler>;

public:
    statement_completion(Handler&& handler, const boost::asio::any_io_executor& io)
        : io_work_(track(io)), work_(track_home(handler, io)), handler_(std::move(handler)) {}

    static statement_end<Outcome> make(Handler handler, const boost::asio::any_io_executor& io) {
        const auto allocator = handler_allocator<statement_completion>(handler);
        return statement_end<Outcome>(allocate_object<statement_completion>(allocator, std::move(handler), io));
    }

private:
    /// In the hands of the executor.
    struct step {
        statement_completion* of;

        explicit step(statement_completion* c) noexcept : of(c) {}
        step(step&& other) noexcept : of(std::exchange(other.of, nullptr)) {}
        ~step() {
            if (of != nullptr) of->destroy();
        }
        void operator()() { std::exchange(of, nullptr)->finish(); }
    };

    void tell(Outcome&& result, deliver how) override {
        step end(this);
        result_ = std::move(result);
        const home ex = work_;
        if (how == deliver::here) dispatch_to(ex, std::move(end));
        else post_to(ex, std::move(end));
    }

    void destroy() noexcept override { [[maybe_unused]] const Handler dropped = release(); }

    Handler release() noexcept {
        Handler handler(std::move(handler_));
        deallocate_object(handler_allocator<statement_completion>(handler), this);
        return handler;
    }

    void finish() {
        boost::asio::get_associated_cancellation_slot(handler_).clear();
        if (call_report* report = get_associated_attempt(handler_).report; report != nullptr && result_.ec)
            report->said.set(state_of(result_), result_.message.empty() ? result_.ec.message() : result_.message);
        [[maybe_unused]] const boost::asio::any_io_executor io_work = std::move(io_work_);
        [[maybe_unused]] const home work = std::move(work_);
        Outcome result = std::move(result_);
        Handler handler = release();
        if constexpr (WithRows) std::move(handler)(result.ec, std::move(result.result));
        else std::move(handler)(result.ec);
    }

    static std::string_view state_of(const Outcome& result) noexcept {
        if constexpr (requires { result.state; }) return result.state;
        else return {};
    }

    boost::asio::any_io_executor io_work_;
    home work_;
    Handler handler_;
    Outcome result_{};
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
        if (refused) return completion::make(std::forward<Handler>(handler), io)(outcome{.ec = refused});
        listen(boost::asio::get_associated_cancellation_slot(handler));
        if constexpr (requires { work->deadline; }) work->deadline = get_associated_attempt(handler).deadline;
        work->done = completion::make(std::forward<Handler>(handler), io);
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
