// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/verdict.hpp>

namespace kedge::payment {

inline constexpr finding rejects{proof::non_settling, outcome::rejected};
inline constexpr finding may_have_happened{proof::ambiguous, outcome::unknown};
inline constexpr verdict answered{kind::success, replay::never};

/// No complete answer came.
inline judgement judge_loss(const error_code& ec, send_phase phase) noexcept {
    const verdict plain = classify(ec);
    if (phase >= send_phase::partial) {
        const bool stopped = plain.judged == kind::neutral;  // by the caller or a limit
        return {may_have_happened, ec, stopped ? plain : verdict{kind::failure, replay::if_idempotent}};
    }
    const bool lost = plain.again == replay::if_idempotent;  // certainly not executed, since nothing was sent
    return {{proof::not_sent, outcome::not_sent}, ec, {plain.judged, lost ? replay::always : plain.again}};
}

/// A body that tells of a payment: is it ours?
inline judgement judge_payment(const answer& said, const expectation& ours) noexcept {
    constexpr verdict ask_again{kind::failure, replay::if_idempotent};
    if (!said.understood) return {may_have_happened, errc::malformed_answer, ask_again};
    if (said.key != ours.key.text() || (ours.amount && *said.amount != *ours.amount))
        return {may_have_happened, errc::foreign_answer, ask_again};
    const error_code ec = *said.state == outcome::declined ? error_code(errc::declined) : error_code();
    return {{proof::settling, *said.state}, ec, answered};
}

inline judgement judge_refusal(int status, const answer& said, const expectation& ours, nanoseconds wait) noexcept {
    switch (status) {
    case 401:
    case 403: return {rejects, errc::unauthorized, answered};
    case 402: {
        const bool bound = said.key == ours.key.text();
        return {{bound ? proof::settling : proof::non_settling, outcome::declined}, errc::declined, answered};
    }
    case 408:
    case 425: return {rejects, errc::unavailable, {kind::failure, replay::if_idempotent, wait}};
    case 409:
        if (said.conflict) return {rejects, errc::key_conflict, answered};
        return {may_have_happened, errc::key_in_use, {kind::neutral, replay::if_idempotent, wait}};
    case 422: return {rejects, said.conflict ? errc::key_conflict : errc::rejected, answered};
    case 429: return {rejects, errc::throttled, {kind::overload, replay::if_idempotent, wait}};
    default: return {rejects, errc::rejected, answered};
    }
}

KEDGE_DECL judgement judge(const error_code& ec, const response& from, const answer& said, send_phase phase,
                           const expectation& ours, std::optional<http::wall_time> received) noexcept {
    if (ec) return judge_loss(ec, phase);
    const nanoseconds wait = http::retry_after(from, received);
    const int status = from.status;
    if (status >= 200 && status < 300) return judge_payment(said, ours);
    if (status == 302 || status == 303) return {may_have_happened, errc::unavailable, {kind::failure, replay::never}};
    if (status >= 300 && status < 400) return {rejects, errc::rejected, answered};
    if (status >= 400 && status < 500) return judge_refusal(status, said, ours, wait);
    if (status == 501 || status == 505 || status == 511) return {rejects, errc::rejected, {kind::failure, replay::never}};
    const bool overload = status == 503 && wait > nanoseconds::zero();
    return {may_have_happened, status >= 500 && status < 600 ? errc::unavailable : errc::malformed_answer,
            {overload ? kind::overload : kind::failure, replay::if_idempotent, wait}};
}

}  // namespace kedge::payment
