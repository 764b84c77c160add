// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/verdict.hpp>
#include <kedge/payment/charge_request.hpp>
#include <kedge/payment/error.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/outcome.hpp>

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
    std::string code{}, message{};
};

/// The wire format of one provider.
class provider {
public:
    virtual ~provider() = default;
    virtual request charge(const charge_request&, const idempotency_key&) const = 0;
    virtual request status(const idempotency_key&) const = 0;
    virtual request health() const = 0;
    virtual answer read(const response&) const = 0;
};

/// JSON over HTTP as described in docs/reference/payment-api.md.
class generic_provider final : public provider {
public:
    request charge(const charge_request&, const idempotency_key&) const override;
    request status(const idempotency_key&) const override;
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
