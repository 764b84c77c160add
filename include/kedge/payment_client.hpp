// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/call.hpp>
#include <kedge/detail/handlers.hpp>
#include <kedge/payment/charge_request.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/journal.hpp>
#include <kedge/payment/options.hpp>
#include <kedge/payment/refund_request.hpp>
#include <kedge/payment/result.hpp>
#include <kedge/payment/snapshot.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace kedge {

namespace detail {
class payment_core;
using payment_handler = any_handler<void(payment_result)>;
using plain_handler = any_handler<void(error_code)>;
}  // namespace detail

namespace payment {

/// Makes the transport of a client that was given none. Specialised for every context in the header of the HTTP
/// transport; if the compiler calls this type incomplete, that header is not included.
template <class Context> struct http_exchange_maker;

/// What one look at the provider's health endpoint showed.
struct health_report {
    health state = health::unknown;  ///< up, down, or unknown if it ended before the provider had its time
    int status = 0;                  ///< of HTTP; 0: no answer
    nanoseconds latency{0};          ///< until the answer, or the error of the connection
};

}  // namespace payment

/** Charges customers through a provider that may be slow, silent, or lose its answers, and never charges twice:
 *  total timeout ⊃ retry ⊃ circuit breaker ⊃ concurrency limit ⊃ timeout ⊃ one exchange with the provider.
 *
 *  @code
 *  kedge::payment_client payments{io, {.url = "https://api.payment-service.com"}, journal};
 *  kedge::charge_request request{kedge::money::parse("19.90", "EUR"), kedge::card_token{"tok_visa"}};
 *  kedge::payment_result r = co_await payments.async_charge(request, asio::use_awaitable);
 *  switch (r.outcome()) { … }                 // `unknown`: ask with r.key(), never charge again with another one
 *  @endcode
 *
 *  Every attempt of an intent carries the same key and the same bytes; the intent is in the journal before the first
 *  byte leaves. A timeout after bytes left is `unknown`, never "failed".
 *
 *  A handle on shared state: copies are the same client. Works without @ref async_run; that makes health checks continuous.
 *
 *  What holds for all payment functions:
 *
 *  @par Completion signature  `void(payment_result)`: bad input, cancellation, an open circuit breaker and a lost answer are
 *  outcomes. `result.error()` says why, `result.report()` has the attempts; `call::report` gets a copy.
 *  @par Executors  Handlers run on their associated executor, by default @ref get_executor; never inside a function.
 *  @par Per-operation cancellation  terminal and partial, and total until an attempt has failed. Cancelled before a byte
 *  left: `not_sent`, after: `unknown`; the error is `operation_aborted`. While the journal works it is noted, and takes effect
 *  when that has answered, since nobody can say before what an earlier call did. Emit it where the handler would run.
 *  @par Records  Each failed call makes one record in `payment_options::sink`, unless its caller cancelled it, the provider
 *  declined the payment, or the request could not be right.
 *  @par Lifetimes  Running calls keep what they need; the client may be destroyed. The context must outlive both, and what
 *  the journal was given. When the context is destroyed first, handlers are destroyed without being called.
 *  @par Thread safety  Safe from any thread; one handle object is not to be assigned meanwhile.
 *  @par Exceptions  Only before anything starts: without memory, or when the kernel has no random bytes for a new key.
 *  @par Complexity  A few allocations per call: the call, its texts, and one for each attempt and handler.
 */
class payment_client {
public:
    using executor_type = boost::asio::any_io_executor;

    /** A client that speaks HTTP over TLS with `options.url`. The transport comes with its own header and dependencies
     *  (`payment/http_exchange.hpp`), so that who brings another exchange, or a simulation, compiles neither. Connects to
     *  nothing yet.
     *  @param journal  required, since without one a crash loses track of money; see @ref payment::memory_journal
     *  @throws std::invalid_argument names the option and its range, or what is wrong with the URL
     */
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    payment_client(C& ctx, const payment_options& options, std::shared_ptr<payment::journal> journal)
        : payment_client(ctx, options, std::move(journal), payment::http_exchange_maker<C>::make(ctx, options)) {}

    /// The same over an exchange of your own, which is shared with the calls; `options.url` and `connect_timeout` are not read.
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    payment_client(C& ctx, const payment_options& options, std::shared_ptr<payment::journal> journal,
                   std::shared_ptr<payment::exchange> exchange)
        : payment_client(boost::asio::any_io_executor(ctx.get_executor()), options, std::move(journal),
                         std::move(exchange)) {}

    executor_type get_executor() const noexcept;

    /** Charges once, however many attempts it takes.
     *
     *  A request without a key gets a new one, which is in the result. With a key that the journal knows, what succeeded or
     *  was declined is answered from there, and anything else is sent again with the same key.
     *
     *  @par Errors  Besides those of the transport and of @ref kedge::errc (`timed_out`, `deadline_exceeded`,
     *  `deadline_too_short`, `circuit_open`, `limit_full`, `operation_aborted`), in the order in which a call meets them:
     *  @li `payment::errc::invalid_request` (rejected) - the amount is not above zero, or the reference is longer than 255
     *      bytes or not printable ASCII
     *  @li `payment::errc::shut_down` (not sent; unknown if the key was given) - after @ref async_shutdown
     *  @li `payment::errc::key_in_use` (unknown) - another call with this key is under way, and may charge
     *  @li `payment::errc::key_conflict` (rejected) - the key belongs to other content
     *  @li `payment::errc::journal_failed` (not sent; unknown if the key was given, since an earlier call may
     *      have been) - the journal said or threw so
     *  @li `payment::errc::declined`, `rejected`, `unauthorized`, `throttled`, `unavailable` - answers of the provider, or of
     *      something in front of it: the outcome says what they prove
     *  @li `payment::errc::malformed_answer`, `foreign_answer` (unknown) - answers that settle nothing
     *
     *  @param request what to charge; copied into the call and wiped when it ends
     *  @param c       deadline, report, tag; `repeat::forbidden` makes it one attempt
     */
    template <class Token = boost::asio::deferred_t> auto async_charge(charge_request request, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(payment_result)>(
            [core = core_, ex = get_executor()](auto&& handler, charge_request what, const call& of) {
                const attempt outer = get_associated_attempt(handler);
                start_charge(core, std::move(what), of, outer,
                             detail::payment_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, std::move(request), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_charge(charge_request request, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_charge(std::move(request), call{.place = where}, std::forward<Token>(token));
    }

    /** Gives back a charge, or a part of it, once, however many attempts it takes: with the journal, the guarantees, the
     *  errors and the outcomes of @ref async_charge, where `succeeded` means refunded.
     *
     *  @param request what to refund; a charge id that cannot be right is `invalid_request`, too
     *  @param c       as for @ref async_charge
     */
    template <class Token = boost::asio::deferred_t> auto async_refund(refund_request request, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(payment_result)>(
            [core = core_, ex = get_executor()](auto&& handler, const refund_request& what, const call& of) {
                const attempt outer = get_associated_attempt(handler);
                start_refund(core, what, of, outer, detail::payment_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, std::move(request), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_refund(refund_request request, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_refund(std::move(request), call{.place = where}, std::forward<Token>(token));
    }

    /** Finds out what became of a payment, and tells the journal. Asks the provider at once, and then after 2 s, 4 s, … 5 min,
     *  half of it by chance, until the payment is decided, the call's deadline has passed, or nobody can find out any more.
     *  Reads only: it never sends a payment again. What has been decided stays decided.
     *
     *  That the provider does not know the key proves nothing while a request may be on its way. From
     *  `payment_options::settle_after` after the last byte may have left, until the provider may have forgotten the key (24 h
     *  less a tenth), it proves that the payment was never executed: `not_sent` with `payment::errc::not_found`.
     *
     *  Without a deadline it may take a day. What is `unknown` then, or when the provider keeps answering about something
     *  else, is a @ref payment_alarm with `manual_review`. After a restart: once for each of `journal::open_intents()`.
     *
     *  It has a circuit breaker and a retry budget of its own, shared with @ref async_status, and works after
     *  @ref async_shutdown, which waits for it all the same: cancel it first. `call::repeating = repeat::forbidden` makes it
     *  one look. During a look, other calls with this key are refused (`key_in_use`).
     *
     *  @par Errors  As for @ref async_status; the last look's, if it ended without an answer.
     *  @param key as in the result of the charge or refund, or in the journal
     *  @param c   deadline, report (its attempts are the looks), tag
     */
    template <class Token = boost::asio::deferred_t> auto async_reconcile(idempotency_key key, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(payment_result)>(
            [core = core_, ex = get_executor()](auto&& handler, idempotency_key of_key, const call& of) {
                const attempt outer = get_associated_attempt(handler);
                start_reconcile(core, std::move(of_key), of, outer,
                                detail::payment_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, std::move(key), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_reconcile(idempotency_key key, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_reconcile(std::move(key), call{.place = where}, std::forward<Token>(token));
    }

    /** Asks the provider what became of a key. Reads only: it settles nothing in the journal. It has a circuit breaker of its
     *  own, and works after @ref async_shutdown.
     *
     *  The outcome is `unknown` unless an answer about this key says otherwise.
     *  @par Errors  As for @ref async_charge as far as they can occur, and `payment::errc::not_found`: the provider does not
     *  know the key, which proves nothing while a request may still be on its way.
     *  @param key as in the result of the charge
     *  @param c   deadline, report, tag
     */
    template <class Token = boost::asio::deferred_t> auto async_status(idempotency_key key, call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(payment_result)>(
            [core = core_, ex = get_executor()](auto&& handler, idempotency_key of_key, const call& of) {
                const attempt outer = get_associated_attempt(handler);
                start_status(core, std::move(of_key), of, outer,
                             detail::payment_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, std::move(key), c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_status(idempotency_key key, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_status(std::move(key), call{.place = where}, std::forward<Token>(token));
    }

    /** Asks the provider's health endpoint, once, after the check that is under way.
     *
     *  @par Completion signature  `void(error_code, payment::health_report)`; the answer also counts for @ref snapshot.
     *  @par Errors  Those of the transport; `payment::errc::unavailable` - an answer other than 2xx; `errc::timed_out` after
     *  `attempt_timeout`; `errc::limit_full` - sixteen checks wait already; `errc::deadline_exceeded`, `deadline_too_short`;
     *  `operation_aborted`.
     *  @par Per-operation cancellation  terminal, partial and total; it counts for nothing then.
     *  @param c deadline, report, tag
     */
    template <class Token = boost::asio::deferred_t> auto async_health(call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, payment::health_report)>(
            [core = core_, ex = get_executor()](auto&& handler, const call& of) {
                const attempt outer = get_associated_attempt(handler);
                start_health(core, of, outer, health_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_health(Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_health(call{.place = where}, std::forward<Token>(token));
    }

    /** Continuous health checks: at once, and then every `health_interval`, a tenth more or less. Changes of state are
     *  `health_changed` events, and @ref snapshot shows it. One at a time is enough; checks never overlap.
     *
     *  When the circuit breaker has opened, a check comes before the first charge may try. If it fails, the breaker stays
     *  open, and no customer has to find out. If it passes, the next charge is the probe: that the health endpoint answers
     *  proves less than a charge does.
     *
     *  @par Completion signature  `void(error_code)`: `asio::error::operation_aborted` when cancelled; none after
     *  @ref async_shutdown or the end of the last handle and call, when the check that was under way has ended.
     *  @par Per-operation cancellation  terminal, partial and total; it ends within one turn.
     *  @par Lifetimes  Keeps the context's `run()` from returning, but not the client alive.
     */
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [core = core_, ex = get_executor()](auto&& handler) {
                start_run(core, detail::plain_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token);
    }

    /** Refuses new charges (`payment::errc::shut_down`, not sent), ends @ref async_run, and waits until the running calls have
     *  completed.
     *
     *  @par Completion signature  `void(error_code)`: `errc::deadline_exceeded` if some had not at `deadline`, which go on and
     *  are open in the journal meanwhile; `operation_aborted` if the caller gave up waiting.
     *  @par Per-operation cancellation  terminal, partial and total: of the wait; the client stays shut.
     */
    template <class Token = boost::asio::deferred_t> auto async_shutdown(time_point deadline, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [core = core_, ex = get_executor()](auto&& handler, time_point until) {
                start_shutdown(core, until, detail::plain_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, deadline);
    }

    /// Breakers, calls and health, each consistent in itself. @par Complexity  O(1), four locks.
    payment_snapshot snapshot() const;

private:
    using health_handler = detail::any_handler<void(error_code, payment::health_report)>;

    payment_client(boost::asio::any_io_executor ex, const payment_options& options,
                   std::shared_ptr<payment::journal> journal, std::shared_ptr<payment::exchange> exchange);

    static void start_charge(const std::shared_ptr<detail::payment_core>& core, charge_request what, const call& c,
                             const attempt& outer, detail::payment_handler handler);
    static void start_refund(const std::shared_ptr<detail::payment_core>& core, const refund_request& what, const call& c,
                             const attempt& outer, detail::payment_handler handler);
    static void start_reconcile(const std::shared_ptr<detail::payment_core>& core, idempotency_key key, const call& c,
                                const attempt& outer, detail::payment_handler handler);
    static void start_status(const std::shared_ptr<detail::payment_core>& core, idempotency_key key, const call& c,
                             const attempt& outer, detail::payment_handler handler);
    static void start_health(const std::shared_ptr<detail::payment_core>& core, const call& c, const attempt& outer,
                             health_handler handler);
    static void start_run(const std::shared_ptr<detail::payment_core>& core, detail::plain_handler handler);
    static void start_shutdown(const std::shared_ptr<detail::payment_core>& core, time_point deadline,
                               detail::plain_handler handler);

    std::shared_ptr<detail::payment_core> core_;
};

/// The spelling of the request that kedge was made for.
using PaymentClient = payment_client;

}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/call.ipp>
#include <kedge/payment/impl/call_end.ipp>
#include <kedge/payment/impl/client.ipp>
#include <kedge/payment/impl/look.ipp>
#include <kedge/payment/impl/upkeep.ipp>
#endif
