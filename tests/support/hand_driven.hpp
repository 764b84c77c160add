// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/unique_function.hpp>
#include <kedge/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace kedge_test {

namespace asio = boost::asio;
using boost::system::error_code;

/// What a hand-driven operation does when it is told to stop.
enum class when_told { nothing, post_the_end, end_at_once, lose_the_handler };

/** An operation `void(error_code, int)` that keeps its handler and ends when the test says so; the value is the number
 *  of the attempt. One attempt at a time. */
class hand_driven {
public:
    explicit hand_driven(const asio::any_io_executor& ex) : shared_(std::make_shared<shared>(ex)) {}

    template <class Token> auto operator()(Token&& token) const {
        return asio::async_initiate<Token, void(error_code, int)>(start{shared_}, token);
    }

    /// Queues the end of the running attempt, as an operation does.
    void end(error_code ec) const { shared_->end(ec, false); }

    /// Ends it inside the caller, who must be where its handler would run.
    void end_at_once(error_code ec) const { shared_->end(ec, true); }

    void on_cancel(when_told does, error_code ends_with = asio::error::operation_aborted) const {
        shared_->does = does;
        shared_->told_result = ends_with;
    }

    /// As its context would when it is destroyed.
    void abandon() const { shared_->finish.reset(); }

    bool running() const { return bool(shared_->finish); }
    int attempts() const { return shared_->attempts; }
    int told() const { return shared_->told; }

private:
    struct shared {
        explicit shared(asio::any_io_executor ex) : executor(std::move(ex)) {}

        void end(error_code ec, bool at_once) {
            auto last = std::move(finish);
            last(ec, at_once);
        }

        void cancelled() {
            ++told;
            if (does == when_told::lose_the_handler) finish.reset();
            else if (does != when_told::nothing && finish) end(told_result, does == when_told::end_at_once);
        }

        asio::any_io_executor executor;
        kedge::detail::unique_function<void(error_code, bool)> finish;
        when_told does = when_told::nothing;
        error_code told_result;
        int attempts = 0, told = 0;
    };

    struct start {
        std::shared_ptr<shared> op;

        template <class Handler> void operator()(Handler handler) const {
            auto slot = asio::get_associated_cancellation_slot(handler);
            if (slot.is_connected())
                slot.assign([op = op.get()](asio::cancellation_type) { op->cancelled(); });
            const auto executor = asio::get_associated_executor(handler, op->executor);
            op->finish = [handler = std::move(handler), slot, executor, number = ++op->attempts](error_code ec,
                                                                                                bool at_once) mutable {
                if (slot.is_connected()) slot.clear();
                auto end = [handler = std::move(handler), ec, number]() mutable { std::move(handler)(ec, number); };
                if (at_once) end();
                else asio::post(executor, std::move(end));
            };
        }
    };

    std::shared_ptr<shared> shared_;
};

}  // namespace kedge_test
