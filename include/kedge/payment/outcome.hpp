// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace kedge::payment {

/// What became of a payment: the answer to "was the customer charged?", which an error code cannot give.
enum class [[nodiscard]] outcome : std::uint8_t {
    succeeded,  ///< charged, exactly once
    pending,    ///< accepted, not decided yet: ask again later
    declined,   ///< not charged: the card or account was declined
    rejected,   ///< not charged: the provider, or kedge, refused the request as it is
    not_sent,   ///< not charged: no byte of the request left, or, as reconciliation found out, none arrived
    unknown,    ///< nobody knows yet. Never charge again with another key: ask with this one.
};

constexpr const char* to_string(outcome o) noexcept {
    switch (o) {
    case outcome::succeeded: return "succeeded";
    case outcome::pending: return "pending";
    case outcome::declined: return "declined";
    case outcome::rejected: return "rejected";
    case outcome::not_sent: return "not sent";
    case outcome::unknown: return "unknown";
    }
    return "?";
}

/// How much the end of one attempt proves.
enum class proof : std::uint8_t {
    not_sent,      ///< no byte of the application left
    non_settling,  ///< an answer from in front of the idempotency layer: tells of this attempt, not of earlier ones
    ambiguous,     ///< it may have been executed
    settling,      ///< an answer that is bound to our key
};

struct finding {
    proof proves = proof::not_sent;
    outcome says = outcome::not_sent;  ///< for `non_settling` and `settling`
};

/** Joins the findings of all attempts with one key.
 *
 *  After one ambiguous attempt only a settling answer counts: a later refusal, whoever made it, does not undo what may
 *  have been executed. What was settled stays, except that `pending` may still be decided.
 */
class outcome_join {
public:
    /// @param maybe_sent  an earlier call with this key may have been executed
    constexpr explicit outcome_join(bool maybe_sent = false) noexcept
        : value_(maybe_sent ? outcome::unknown : outcome::not_sent), ambiguous_(maybe_sent) {}

    constexpr void add(finding f) noexcept {
        if (f.proves == proof::settling) {
            if (!settled_ || value_ == outcome::pending) value_ = f.says;
            settled_ = true;
        } else if (settled_) {
            return;
        } else if (ambiguous_ || f.proves == proof::ambiguous) {
            ambiguous_ = true;
            value_ = outcome::unknown;
        } else {
            value_ = f.proves == proof::not_sent ? outcome::not_sent : f.says;
        }
    }

    constexpr outcome value() const noexcept { return value_; }

private:
    outcome value_;
    bool ambiguous_;
    bool settled_ = false;
};

}  // namespace kedge::payment
