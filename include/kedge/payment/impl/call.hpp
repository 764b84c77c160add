// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/impl/core.hpp>

#include <boost/asio/associator.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace kedge::detail {

/// Kept from a call's time for one look: a tenth of it, since callers may have less than the 30 s that this is made for.
inline constexpr nanoseconds longest_reserve = std::chrono::seconds(3);

/** One call of a client: request, key, what its attempts proved, and who waits for the result.
 *
 *  Serialised by the caller's executor before and after the pipeline, and by the pipeline within.
 */
class payment_call : public std::enable_shared_from_this<payment_call> {
public:
    payment_call(std::shared_ptr<payment_core> core, idempotency_key key, const call& c, const attempt& outer,
                 payment_handler handler);
    payment_call(const payment_call&) = delete;
    ~payment_call();

    void charge(charge_request what);
    void refund(const refund_request& what);
    void status();
    void reconcile();

    /// @cond  for the operation and the handlers below
    void start_attempt(const attempt& a, payment::exchange_handler handler);
    payment_reply judge(error_code& ec, const payment::response& from, payment::send_phase phase, int number);
    void finished(const error_code& ec);
    void looked(const error_code& ec);
    boost::asio::any_io_executor executor() const noexcept { return handler_.get_executor(); }
    boost::asio::cancellation_slot slot() const noexcept { return handler_.get_cancellation_slot(); }
    const attempt& outer() const noexcept { return outer_; }
    /// @endcond

private:
    friend class payment_look;

    enum class role : std::uint8_t {
        sends,       ///< a charge or refund
        looks_once,  ///< the same, at its end, when nobody knows what became of it
        asks,        ///< for a status
        reconciles,
    };

    bool refused(const std::optional<money>& amount, const std::string& reference, bool valid = true);
    /// Of a call that does nothing and has not heard from the journal: a key that was given may have been sent before.
    payment::outcome untouched() const noexcept {
        return given_ ? payment::outcome::unknown : payment::outcome::not_sent;
    }
    void begin(payment::intent what);
    void known(const error_code& ec, const payment::standing& before);
    void send(const payment::standing& before);
    void note_cancellation();
    void forget_cancellation();
    void ask_about(const std::optional<payment::entry>& known);
    void authorise_request();
    bool renew_key();
    call inner_call(time_point deadline);
    void refuse(const error_code& ec, payment::outcome o);
    void answer_from(payment::outcome known, const std::string& provider_id);
    bool worth_a_look(const error_code& ec) const;
    void look();
    void end();
    void settle();
    void complete();
    void alarm() const noexcept;
    void log() const noexcept;
    void remember(const payment::answer& said);
    void take(const payment::answer& said);
    bool repeats_a_secret(const std::string& text) const;

    std::shared_ptr<payment_core> core_;
    payment_handler handler_;
    call call_;
    attempt outer_;
    payment_result result_;
    payment::request request_{};
    std::optional<money> amount_{};
    std::optional<card_token> token_{};
    secret<std::string> api_key_{};  ///< that the request carries
    payment::outcome_join join_{};
    payment::action action_ = payment::action::charge;
    role role_ = role::sends;
    time_point deadline_ = never, sends_until_ = never;
    nanoseconds limit_{0};  ///< for all of it
    int mismatches_ = 0;    ///< answers about another payment
    bool given_ = false;    ///< the key came with the request
    bool claimed_ = false, counted_ = false, cancelled_ = false, doubted_ = false, renewed_ = false;
    bool absent_ = false;  ///< so the provider says, in its last answer
    boost::asio::cancellation_signal stop_{};  ///< of a reconciliation
    boost::asio::any_io_executor work_, io_work_;  // for handler and client: while the journal works, there is nothing else
};

/// Judges the end of an attempt on its way from the exchange to the pipeline.
template <class Handler> struct judging_handler {
    std::shared_ptr<payment_call> call;
    int number;
    Handler next;

    void operator()(error_code ec, payment::response from, payment::send_phase phase) {
        const payment_reply reply = call->judge(ec, from, phase, number);
        call.reset();
        std::move(next)(ec, reply);
    }
};

/// One attempt, as an operation.
struct payment_attempt {
    std::shared_ptr<payment_call> call;

    template <class Token> auto operator()(const attempt& a, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, payment_reply)>(
            [](auto&& handler, std::shared_ptr<payment_call> self, const attempt& of) {
                using next = std::decay_t<decltype(handler)>;
                auto& to = *self;
                judging_handler<next> judging{std::move(self), of.number, std::forward<decltype(handler)>(handler)};
                to.start_attempt(of, payment::exchange_handler(std::move(judging), to.executor()));
            },
            token, call, a);
    }
};

/// Takes a pipeline's end back to the call; executor, attempt and, if none is given, slot are those of the caller's handler.
template <void (payment_call::*Then)(const error_code&)> struct payment_finish {
    explicit payment_finish(std::shared_ptr<payment_call> of) : payment_finish(of, of->slot()) {}
    payment_finish(std::shared_ptr<payment_call> of, boost::asio::cancellation_slot s) : call(std::move(of)), slot(s) {}

    std::shared_ptr<payment_call> call;
    boost::asio::cancellation_slot slot;

    using executor_type = boost::asio::any_io_executor;
    using cancellation_slot_type = boost::asio::cancellation_slot;
    executor_type get_executor() const noexcept { return call->executor(); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
    const attempt& get_attempt() const noexcept { return call->outer(); }

    template <class Reply> void operator()(const error_code& ec, const Reply&) {
        auto& to = *call;
        (to.*Then)(ec);
    }
};

}  // namespace kedge::detail

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, kedge::detail::judging_handler<Handler>, Default> : Associator<Handler, Default> {
    static auto get(const kedge::detail::judging_handler<Handler>& h) noexcept {
        return Associator<Handler, Default>::get(h.next);
    }
    static auto get(const kedge::detail::judging_handler<Handler>& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.next, d);
    }
};
