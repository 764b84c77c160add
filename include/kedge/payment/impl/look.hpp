// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/impl/call.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace kedge::detail {

using look_handler = any_handler<void(error_code, look_reply)>;

/** One look of a reconciliation: takes the key, asks the journal what is known, the provider what became of it, and tells the
 *  journal. The call cannot hold it, since its handler holds the retry around it, and that the call.
 */
class payment_look : public std::enable_shared_from_this<payment_look> {
public:
    payment_look(std::shared_ptr<payment_call> call, payment::wall_time since, const attempt& of, look_handler next)
        : call_(std::move(call)), since_(since), of_(of), next_(std::move(next)) {}
    payment_look(const payment_look&) = delete;
    ~payment_look() { release(); }

    void start();

    /// @cond  for the handlers
    void answered(const error_code& ec, nanoseconds wait);
    boost::asio::any_io_executor executor() const noexcept { return next_.get_executor(); }
    boost::asio::cancellation_slot slot() const noexcept { return next_.get_cancellation_slot(); }
    /// @endcond

private:
    void found(const error_code& ec, std::optional<payment::entry> known);
    void ask();
    bool proves_absence() const;
    bool hopeless() const;
    nanoseconds age() const;
    void settle(const error_code& ec, bool final);
    void end(const error_code& ec, bool final);
    void release();

    std::shared_ptr<payment_call> call_;
    payment::wall_time since_;  ///< when the reconciliation began
    attempt of_;
    look_handler next_;
    std::optional<payment::entry> known_{};
    payment::wall_time asked_{};
    nanoseconds wait_{0};  ///< that the provider asks for
    bool claimed_ = false, cancelled_ = false;
};

/// A look, as an operation.
struct payment_look_operation {
    std::shared_ptr<payment_call> call;
    payment::wall_time since;

    template <class Token> auto operator()(const attempt& a, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, look_reply)>(
            [](auto&& handler, std::shared_ptr<payment_call> of, payment::wall_time began, const attempt& in) {
                const boost::asio::any_io_executor ex = of->executor();
                std::make_shared<payment_look>(std::move(of), began, in,
                                               look_handler(std::forward<decltype(handler)>(handler), ex))->start();
            },
            token, call, since, a);
    }
};

/// Takes the end of the question back to the look.
struct look_finish {
    std::shared_ptr<payment_look> look;

    using executor_type = boost::asio::any_io_executor;
    using cancellation_slot_type = boost::asio::cancellation_slot;
    executor_type get_executor() const noexcept { return look->executor(); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return look->slot(); }

    void operator()(const error_code& ec, const payment_reply& r) { look->answered(ec, r.judged.retry_after); }
};

}  // namespace kedge::detail
