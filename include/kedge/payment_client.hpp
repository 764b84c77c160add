// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/call.hpp>
#include <kedge/core/breaker_snapshot.hpp>
#include <kedge/detail/handlers.hpp>
#include <kedge/payment/charge_request.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/journal.hpp>
#include <kedge/payment/options.hpp>
#include <kedge/payment/result.hpp>

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

/// What the last look at the provider's health endpoint showed.
struct health_report {
    health state = health::unknown;
    int status = 0;  ///< of HTTP; 0: no answer
    nanoseconds latency{0};
};

}  // namespace payment

/// A moment of a client; see @ref payment_client::snapshot.
struct payment_snapshot {
    breaker_snapshot charges;  ///< its circuit breaker
    int in_flight = 0;         ///< calls that have not completed
    payment::health_report last_health{};
    bool shut_down = false;
};

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
 *  A handle on shared state: copies are the same client.
 *  @par Completion  `void(payment_result)` for all payment functions: bad input, cancellation, an open circuit breaker
 *  and a lost answer are outcomes.
 *  @par Executors  Handlers run on their associated executor, by default @ref get_executor; never inside a function.
 *  @par Per-operation cancellation  terminal and partial. Cancelled before a byte left: `not_sent`, after: `unknown`;
 *  the error is `operation_aborted`. Emit it where the handler would run.
 *  @par Lifetimes  Running calls keep what they need; the client may be destroyed. The context must outlive both.
 *  @par Thread safety  Safe from any thread.
 */
class payment_client {
public:
    using executor_type = boost::asio::any_io_executor;

    /** A client that speaks HTTP over TLS with `options.url`. The transport comes with its own header and dependencies,
     *  so that who brings another exchange (or a simulation) compiles neither; see @ref payment::http_exchange_maker.
     *  @param journal  required, since without one a crash loses track of money; see @ref payment::memory_journal
     *  @throws std::invalid_argument names the option and its range
     */
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    payment_client(C& ctx, const payment_options& options, std::shared_ptr<payment::journal> journal)
        : payment_client(ctx, options, std::move(journal), payment::http_exchange_maker<C>::make(ctx, options)) {}

    /// The same over an exchange of your own.
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    payment_client(C& ctx, const payment_options& options, std::shared_ptr<payment::journal> journal,
                   std::shared_ptr<payment::exchange> exchange)
        : payment_client(boost::asio::any_io_executor(ctx.get_executor()), options, std::move(journal),
                         std::move(exchange)) {}

    executor_type get_executor() const noexcept;

    /** Charges once, however many attempts it takes; `void(payment_result)`.
     *
     *  A request without a key gets a new one, which is in the result. With a key that the journal knows: other content is
     *  refused (`errc::key_conflict`), what succeeded or was declined is answered from the journal, anything else is sent
     *  again with the same key. One call at a time per key (`errc::key_in_use`, outcome `unknown`).
     *  @param c deadline, report, tag; `repeat::forbidden` makes it one attempt
     *  @throws only before anything starts: without memory, or when the kernel has no random bytes for a new key
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

    /** Asks the provider what became of a key; `void(payment_result)`. Reads only, and has a circuit breaker of its own.
     *
     *  The outcome is `unknown` unless an answer about this key says otherwise: that the provider does not know a key
     *  (`errc::not_found`) proves nothing while a request may still be on its way.
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

    /** Asks the provider's health endpoint, once; `void(error_code, payment::health_report)`.
     *  The report is kept for @ref snapshot. `errc::timed_out` after `attempt_timeout`; an answer other than 2xx is
     *  `payment::errc::unavailable`. */
    template <class Token = boost::asio::deferred_t> auto async_health(call c, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code, payment::health_report)>(
            [core = core_, ex = get_executor()](auto&& handler, const call& of) {
                start_health(core, of, health_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, c);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_health(Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_health(call{.place = where}, std::forward<Token>(token));
    }

    /** Looks after the provider's health every `health_interval`, the first time at once, until it is cancelled;
     *  `void(error_code)`, which is `operation_aborted` then. Raises @ref health_changed; checks never overlap. */
    template <class Token = boost::asio::deferred_t> auto async_run(Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [core = core_, ex = get_executor()](auto&& handler) {
                start_run(core, detail::plain_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token);
    }

    /** Refuses new charges (`payment::errc::shut_down`, not sent) and waits until the running calls have completed;
     *  `void(error_code)`: `errc::deadline_exceeded` if some have not. Those go on, and stay open in the journal. */
    template <class Token = boost::asio::deferred_t> auto async_shutdown(time_point deadline, Token&& token = {}) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [core = core_, ex = get_executor()](auto&& handler, time_point until) {
                start_shutdown(core, until, detail::plain_handler(std::forward<decltype(handler)>(handler), ex));
            },
            token, deadline);
    }

    payment_snapshot snapshot() const;

private:
    using health_handler = detail::any_handler<void(error_code, payment::health_report)>;

    payment_client(boost::asio::any_io_executor ex, const payment_options& options,
                   std::shared_ptr<payment::journal> journal, std::shared_ptr<payment::exchange> exchange);

    static void start_charge(const std::shared_ptr<detail::payment_core>& core, charge_request what, const call& c,
                             const attempt& outer, detail::payment_handler handler);
    static void start_status(const std::shared_ptr<detail::payment_core>& core, idempotency_key key, const call& c,
                             const attempt& outer, detail::payment_handler handler);
    static void start_health(const std::shared_ptr<detail::payment_core>& core, const call& c, health_handler handler);
    static void start_run(const std::shared_ptr<detail::payment_core>& core, detail::plain_handler handler);
    static void start_shutdown(const std::shared_ptr<detail::payment_core>& core, time_point deadline,
                               detail::plain_handler handler);

    std::shared_ptr<detail::payment_core> core_;
};

/// The spelling of the request that kedge was made for.
using PaymentClient = payment_client;

}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/client.ipp>
#include <kedge/payment/impl/upkeep.ipp>
#endif
