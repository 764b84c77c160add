// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/operations.hpp>
#include <kedge/detail/handlers.hpp>
#include <kedge/health_monitor.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

// What a database client does while nobody calls it.

namespace kedge::detail {

/// The health check: one statement of no effect, on a connection of the pool like any other.
template <class Connection> class ping_operation : public query_operation<Connection> {
public:
    explicit ping_operation(connection_pool<Connection> pool)
        : query_operation<Connection>(std::move(pool), {"select 1", params()}) {}

    static verdict classify(const error_code& ec) noexcept { return Connection::classify(ec); }
};

/// For its answer, beside the time to open a connection.
inline constexpr nanoseconds ping_timeout = std::chrono::seconds(2);

/** Two operations `void(error_code)` side by side, as one that ends when both have ended. Cancelled in whatever way, both end
 *  at once: there is nothing that could be half done. What is running owns this, so an abandoned one destroys the handler. */
class joint_run : public std::enable_shared_from_this<joint_run> {
public:
    using handler_type = any_handler<void(error_code)>;

    explicit joint_run(handler_type handler) : handler_(std::move(handler)) {}

    template <class First, class Second> void start(First first, Second second) {
        if (auto slot = handler_.get_cancellation_slot(); slot.is_connected())
            slot.assign([weak = weak_from_this()](boost::asio::cancellation_type type) {
                const auto self = type == boost::asio::cancellation_type::none ? nullptr : weak.lock();
                if (self) self->cancel();
            });
        first(part(shared_from_this(), 0));
        try {
            second(part(shared_from_this(), 1));
        } catch (...) {  // the first ends without telling anybody
            cancel();
            throw;
        }
    }

private:
    class part {
    public:
        using executor_type = handler_type::executor_type;
        using cancellation_slot_type = handler_type::cancellation_slot_type;

        part(std::shared_ptr<joint_run> whole, std::size_t index) : whole_(std::move(whole)), index_(index) {}
        executor_type get_executor() const noexcept { return whole_->handler_.get_executor(); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return whole_->signals_[index_].slot(); }

        void operator()(const error_code& ec) { std::move(whole_)->ended(ec); }

    private:
        std::shared_ptr<joint_run> whole_;
        std::size_t index_;
    };

    void cancel() {
        for (boost::asio::cancellation_signal& s : signals_) s.emit(boost::asio::cancellation_type::terminal);
    }

    void ended(const error_code& ec) {
        {
            const std::lock_guard lock(mutex_);  // the parts may end at the same time
            if (ec && !result_) result_ = ec;
            if (--running_ > 0) return;
        }
        if (auto slot = handler_.get_cancellation_slot(); slot.is_connected()) slot.clear();
        handler_type handler(std::move(handler_));
        handler(result_);
    }

    handler_type handler_;
    std::array<boost::asio::cancellation_signal, 2> signals_;
    std::mutex mutex_;
    error_code result_{};
    int running_ = 2;
};

}  // namespace kedge::detail
