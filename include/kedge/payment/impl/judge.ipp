// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/verdict.hpp>

namespace kedge::payment {

inline constexpr finding rejects{proof::non_settling, outcome::rejected};
inline constexpr finding may_have_happened{proof::ambiguous, outcome::unknown};
inline constexpr verdict answered{kind::success, replay::never};
inline constexpr verdict ask_again{kind::failure, replay::if_idempotent};

/// No complete answer came.
inline judgement judge_loss(const error_code& ec, send_phase phase) noexcept {
    const verdict plain = classify(ec);
    if (phase >= send_phase::partial) {
        const bool stopped = plain.judged == kind::neutral;  // by the caller or a limit
        if (stopped) return {may_have_happened, ec, plain};
        return {may_have_happened, ec, ask_again, phase >= send_phase::response_head};
    }
    const bool lost = plain.again == replay::if_idempotent;  // certainly not executed, since nothing was sent
    return {{proof::not_sent, outcome::not_sent}, ec, {plain.judged, lost ? replay::always : plain.again}};
}

/// A body that tells of a payment: is it ours?
inline judgement judge_payment(int status, const answer& said, const expectation& ours) noexcept {
    const bool foreign = !said.key.empty() && said.key != ours.key.text();
    const bool other_amount = ours.amount && said.amount && *said.amount != *ours.amount;
    if (foreign || other_amount) return {may_have_happened, errc::foreign_answer, ask_again, true};
    if (status == 202) return {{proof::settling, outcome::pending}, {}, answered};  // whatever else it says
    if (!said.understood) return {may_have_happened, errc::malformed_answer, ask_again, true};
    const error_code ec = *said.state == outcome::declined ? error_code(errc::declined) : error_code();
    return {{proof::settling, *said.state}, ec, answered};
}

/// A 4xx. Who asks to be asked again is neither dead nor broken, so that a breaker hears nothing of it.
inline judgement judge_refusal(int status, const answer& said, const expectation& ours, nanoseconds wait) noexcept {
    const verdict come_back{kind::neutral, replay::if_idempotent, wait};
    switch (status) {
    case 401:
    case 403: return {rejects, errc::unauthorized, answered};
    case 402: {
        const bool bound = said.key == ours.key.text();
        return {{bound ? proof::settling : proof::non_settling, outcome::declined}, errc::declined, answered};
    }
    case 408: return {rejects, errc::unavailable, {kind::failure, replay::if_idempotent, wait}};
    case 409:
        if (said.conflict) return {rejects, errc::key_conflict, answered};
        return {may_have_happened, errc::key_in_use, come_back};
    case 422: return {rejects, said.conflict ? errc::key_conflict : errc::rejected, answered};
    case 425: return {rejects, errc::unavailable, come_back, true};
    case 429: return {rejects, errc::throttled, come_back};
    default: return {rejects, errc::rejected, answered};
    }
}

inline judgement judge_failure(int status, const answer& said, nanoseconds wait) noexcept {
    if (status == 501 || status == 505 || status == 511) return {rejects, errc::rejected, {kind::failure, replay::never}};
    // A provider that stores its failures will say the same for as long as it knows the key.
    const bool stored = status == 500 && said.replayed;
    const bool overload = status == 503 && wait > nanoseconds::zero();
    return {may_have_happened, errc::unavailable,
            {overload ? kind::overload : kind::failure, stored ? replay::never : replay::if_idempotent, wait}};
}

inline judgement judge_answer(const response& from, const answer& said, const expectation& ours, nanoseconds wait) noexcept {
    const int status = from.status;
    if (status >= 200 && status < 300) return judge_payment(status, said, ours);
    if (status == 302 || status == 303) return {may_have_happened, errc::unavailable, {kind::failure, replay::never}};
    if (status >= 300 && status < 400) return {rejects, errc::rejected, answered};
    if (status >= 400 && status < 500) return judge_refusal(status, said, ours, wait);
    if (status >= 500 && status < 600) return judge_failure(status, said, wait);
    return {may_have_happened, errc::malformed_answer, ask_again, true};
}

KEDGE_DECL judgement judge(const error_code& ec, const response& from, const answer& said, send_phase phase,
                           const expectation& ours, std::optional<http::wall_time> received) noexcept {
    if (ec) return judge_loss(ec, phase);
    judgement j = judge_answer(from, said, ours, http::retry_after(from, received));
    if (!said.should_retry || j.found.proves == proof::settling) return j;
    // The provider's opinion overrides whether to try again, never what was proved.
    if (!*said.should_retry) j.judged.again = replay::never;
    else if (j.judged.again == replay::never) {
        j.judged.again = replay::if_idempotent;
        if (j.judged.judged == kind::success) j.judged.judged = kind::neutral;
    }
    return j;
}

}  // namespace kedge::payment
