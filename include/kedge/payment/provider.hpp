// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/verdict.hpp>
#include <kedge/payment/charge_request.hpp>
#include <kedge/payment/error.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/journal.hpp>
#include <kedge/payment/outcome.hpp>
#include <kedge/payment/refund_request.hpp>

#include <optional>
#include <string>

namespace kedge::payment {

/// What the body of an answer says, in no provider's words.
struct answer {
    bool understood = false;                  ///< well formed, with all that a payment needs
    std::optional<payment::outcome> state{};  ///< succeeded, pending or declined
    std::string key{};                        ///< the idempotency key that it is about; empty: it names none
    std::optional<money> amount{};
    std::string id{};
    bool in_flight = false;  ///< an earlier request with this key is still being executed
    bool conflict = false;   ///< the key belongs to other content
    bool absent = false;     ///< the provider itself, nobody in front of it, does not know the key
    std::string code{}, message{};
    bool replayed = false;               ///< the stored answer to an earlier request with this key
    std::optional<bool> should_retry{};  ///< the provider's own opinion, if it has one
    std::string request_id{};            ///< by which the provider's people find this exchange
};

/// What a provider promises about its idempotency keys.
struct profile {
    nanoseconds window = std::chrono::hours(24);  ///< it knows a key at least that long
    bool not_found_is_final = true;               ///< a key that it does not know, but would know by now, never came
};

/// The wire format of one provider.
class provider {
public:
    virtual ~provider() = default;
    virtual request charge(const charge_request&, const idempotency_key&) const = 0;
    virtual request refund(const refund_request&, const idempotency_key&) const = 0;
    virtual request status(const idempotency_key&, action) const = 0;
    virtual request health() const = 0;
    virtual answer read(const response&) const = 0;
    virtual profile promises() const { return {}; }
};

/// JSON over HTTP as described in docs/reference/payment-api.md.
class generic_provider final : public provider {
public:
    request charge(const charge_request&, const idempotency_key&) const override;
    request refund(const refund_request&, const idempotency_key&) const override;
    request status(const idempotency_key&, action) const override;
    request health() const override;
    answer read(const response&) const override;
};

/// What an answer must be about to settle anything.
struct expectation {
    const idempotency_key& key;
    std::optional<money> amount{};  ///< unset: whatever the provider says
};

/// The end of one attempt, judged.
struct judgement {
    finding found{};
    error_code error{};
    verdict judged{};
    bool once = false;  ///< one more try may bring a better answer, a third would not
};

/** Judges one attempt: what it proves, and whether it may be repeated with the same key and the same bytes.
 *  The table with reasons is in docs/design/payments.md.
 *  @param received when the answer came; a date in `Retry-After` counts from there if the answer has no `Date` */
judgement judge(const error_code&, const response&, const answer&, send_phase, const expectation&,
                std::optional<http::wall_time> received = {}) noexcept;

}  // namespace kedge::payment

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/judge.ipp>
#include <kedge/payment/impl/provider.ipp>
#endif
