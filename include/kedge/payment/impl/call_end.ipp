// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/error.hpp>
#include <kedge/log/payment_error.hpp>
#include <kedge/payment/impl/call.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace kedge::detail {

/// The pipeline has ended.
KEDGE_DECL void payment_call::finished(const error_code& ec) {
    result_.error_ = ec;
    if (worth_a_look(ec)) return look();
    end();
}

KEDGE_DECL bool payment_call::worth_a_look(const error_code& ec) const {
    return role_ == role::sends && join_.value() == payment::outcome::unknown && ec != boost::asio::error::operation_aborted &&
           core_->rt.now() < deadline_;
}

/// Before a charge or refund says that nobody knows, it asks once. That the provider does not know the key proves nothing yet.
KEDGE_DECL void payment_call::look() {
    role_ = role::looks_once;
    ask_about({});
    call inner = inner_call(std::min(deadline_, core::saturating_add(core_->rt.now(), longest_reserve)));
    inner.repeating = repeat::forbidden;
    core_->read_pipe.async_call(payment_attempt{shared_from_this()}, inner,
                                payment_finish<&payment_call::looked>{shared_from_this()});
}

KEDGE_DECL void payment_call::looked(const error_code& ec) {
    const bool settled = join_.value() != payment::outcome::unknown;
    if (settled || ec == boost::asio::error::operation_aborted) result_.error_ = result_.report_.result = ec;
    end();
}

KEDGE_DECL void payment_call::end() {
    if (!result_.from_journal_) result_.outcome_ = join_.value();
    alarm();
    if (role_ == role::reconciles) forget_cancellation();
    if (role_ == role::asks || role_ == role::reconciles) return complete();
    settle();
}

KEDGE_DECL void payment_call::settle() {
    const auto settled = [self = shared_from_this(), first = first_answer()](error_code ec) {
        first(self->executor(), [self, ec] {
            self->result_.recorded_ = !ec;
            self->complete();
        });
    };
    try {
        core_->journal->settle({result_.key_, result_.outcome_, result_.provider_id_}, settled);
    } catch (...) {
        settled(payment::errc::journal_failed);
    }
}

/// Ends a call that never reached the pipeline; never inside the initiating function.
KEDGE_DECL void payment_call::refuse(const error_code& ec, payment::outcome o) {
    result_.error_ = result_.report_.result = ec;
    result_.outcome_ = o;
    boost::asio::post(executor(), [self = shared_from_this()] { self->complete(); });
}

KEDGE_DECL void payment_call::complete() {
    if (std::exchange(claimed_, false)) core_->release(result_.key_);
    if (!std::exchange(counted_, true)) core_->ended();
    log();
    if (call_.report) *call_.report = result_.report_;
    work_ = {}, io_work_ = {};
    payment_handler handler(std::move(handler_));
    std::move(handler)(std::move(result_));
}

KEDGE_DECL void payment_call::alarm() const noexcept {
    if (result_.error_ == payment::errc::key_conflict)
        core_->alarm(payment_alarm_cause::key_conflict, result_.key_, result_.error_);
    if (result_.error_ == http::errc::not_verified)
        core_->alarm(payment_alarm_cause::untrusted_peer, result_.key_, result_.error_);
}

/// One record for each failed call. Who gave up knows it, a declined card is an answer, and bad input is the caller's.
KEDGE_DECL void payment_call::log() const noexcept {
    const error_code& ec = result_.error_;
    if (!core_->options.sink || !ec || ec == boost::asio::error::operation_aborted || ec == payment::errc::declined ||
        ec == payment::errc::invalid_request || ec == payment::errc::key_conflict || ec == payment::errc::key_in_use ||
        ec == payment::errc::not_found)
        return;
    const nanoseconds limit = ec == errc::timed_out           ? core_->options.attempt_timeout
                              : ec == errc::deadline_exceeded ? limit_
                                                              : nanoseconds{};  // some other time, which we do not know
    log::payment_error(*core_->options.sink,
                       {.error = ec, .limit = limit, .place = call_.place, .time = core_->rt.wall_now()});
}

}  // namespace kedge::detail
