// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/http/message.hpp>
#include <kedge/payment/error.hpp>
#include <kedge/payment/idempotency_key.hpp>
#include <kedge/payment/money.hpp>
#include <kedge/payment/outcome.hpp>

#include <optional>
#include <string>
#include <utility>

namespace kedge {

namespace detail {
class payment_call;
class payment_look;
}

/** How a payment call ended. Whatever goes wrong is an @ref outcome, so no completion token can lose one.
 *  @par Thread safety  As any value.
 */
class [[nodiscard]] payment_result {
public:
    /// What is known about the money.
    payment::outcome outcome() const noexcept { return outcome_; }

    /// Why it is not `succeeded` or `pending`: a @ref payment::errc, a @ref kedge::errc or an error of the transport.
    const error_code& error() const noexcept { return error_; }

    /// The attempts.
    const call_report& report() const noexcept { return report_; }

    /// The key to ask again with.
    const idempotency_key& key() const noexcept { return key_; }

    /// The provider's name for the payment; empty if it gave none.
    const std::string& provider_id() const noexcept { return provider_id_; }

    /// HTTP status of the last answer; 0: no answer.
    int status() const noexcept { return status_; }

    /// What the provider says it moved; unset if it did not say.
    const std::optional<money>& amount() const noexcept { return amount_; }

    /// The provider's name for the last exchange, for its support; empty if it gave none.
    const std::string& request_id() const noexcept { return request_id_; }

    /// How far the attempt got that got furthest. Only below `partial` did certainly nothing of this call leave.
    http::send_phase furthest() const noexcept { return furthest_; }

    /// The answer that counts is a stored one: an earlier request with this key was executed.
    bool replayed() const noexcept { return replayed_; }

    /// The answer that counts came to a question, not to the request itself.
    bool reconciled() const noexcept { return reconciled_; }

    /// Whether the same call, with the same key, may succeed later. If not, what is sent must change, and the key with it.
    bool retry_with_same_key() const noexcept {
        if (error_ == payment::errc::key_expired) return false;
        return outcome_ == payment::outcome::unknown || outcome_ == payment::outcome::not_sent ||
               (outcome_ == payment::outcome::rejected &&
                (error_ == payment::errc::throttled || error_ == payment::errc::unavailable ||
                 error_ == payment::errc::unauthorized));
    }

    /// The journal knew the end of this payment: nothing was sent.
    bool from_journal() const noexcept { return from_journal_; }

    /// The journal took the outcome. If not, the intent stays open there.
    bool recorded() const noexcept { return recorded_; }

    /// @cond  made by the client
    explicit payment_result(idempotency_key key) : key_(std::move(key)) {}
    /// @endcond

private:
    friend class detail::payment_call;
    friend class detail::payment_look;

    idempotency_key key_;
    payment::outcome outcome_ = payment::outcome::not_sent;
    error_code error_{};
    call_report report_{};
    std::string provider_id_{}, request_id_{};
    std::optional<money> amount_{};
    int status_ = 0;
    http::send_phase furthest_ = http::send_phase::none;
    bool from_journal_ = false, recorded_ = true, replayed_ = false, reconciled_ = false;
};

/// "unknown: timed out on attempt 4 after 21.3 s: …; key 3f2b…"
inline std::string to_string(const payment_result& r) {
    return std::string(to_string(r.outcome())) + ": " + to_string(r.report()) + "; key " + r.key().text();
}

}  // namespace kedge
