// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/impl/look.hpp>

namespace kedge::detail {

KEDGE_DECL void payment_look::start() {
    // Whoever works with the key may be sending; what it finds out is in the journal at the next look.
    claimed_ = call_->core_->claim(call_->result_.key_);
    if (auto s = slot(); s.is_connected())
        s.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancelled_ = true;
        });
    const auto known = [self = shared_from_this(), first = first_answer()](error_code ec, std::optional<payment::entry> entry) {
        first(self->executor(), [self, ec, entry = std::move(entry)] { self->found(ec, entry); });
    };
    if (!claimed_) return known(payment::errc::key_in_use, {});
    try {
        call_->core_->journal->find(call_->result_.key_, known);
    } catch (...) {
        known(payment::errc::journal_failed, {});
    }
}

KEDGE_DECL void payment_look::found(const error_code& ec, std::optional<payment::entry> known) {
    using payment::outcome;
    if (auto s = slot(); s.is_connected()) s.clear();
    if (cancelled_) return end(boost::asio::error::operation_aborted, true);
    if (ec == payment::errc::key_in_use) return end(ec, false);
    if (ec) return end(payment::errc::journal_failed, false);
    known_ = std::move(known);
    if (known_ && known_->outcome != outcome::unknown && known_->outcome != outcome::pending) {
        call_->answer_from(known_->outcome, known_->provider_id);
        return end(call_->result_.error_, true);
    }
    ask();
}

KEDGE_DECL void payment_look::ask() {
    call_->ask_about(known_);
    asked_ = call_->core_->rt.wall_now();
    call_->absent_ = false;  // what an earlier look heard is no answer to this one
    call inner = call_->inner_call(of_.deadline);
    inner.repeating = repeat::forbidden;  // the retry around the looks has more patience
    call_->core_->read_pipe.async_call(payment_attempt{call_}, inner, look_finish{shared_from_this()});
}

KEDGE_DECL void payment_look::answered(const error_code& ec, nanoseconds wait) {
    using payment::outcome;
    wait_ = wait;
    if (ec == boost::asio::error::operation_aborted) return end(ec, true);
    const outcome now = call_->join_.value();
    const bool news = !ec && !(known_ && known_->outcome == now);
    if (now == outcome::pending) return news ? settle(ec, false) : end(ec, hopeless());
    if (now != outcome::unknown) return settle(ec, true);
    if (call_->absent_ && proves_absence()) {
        call_->join_.add({payment::proof::settling, outcome::not_sent});
        return settle(ec, true);
    }
    if (!hopeless()) return end(ec, false);
    call_->core_->alarm(payment_alarm_cause::manual_review, call_->result_.key_, ec, age());
    end(ec, true);
}

/// The provider itself does not know the key: would it, had anything come? Not before all that left has come or is lost, and not
/// when it may have forgotten.
KEDGE_DECL bool payment_look::proves_absence() const {
    const payment_core& core = *call_->core_;
    if (!known_ || !core.provider.promises().not_found_is_final) return false;
    const bool all_came = asked_ - known_->what.sent_until >= core.options.settle_after;
    return all_came && core.rt.wall_now() - known_->what.made < core.key_life();
}

KEDGE_DECL nanoseconds payment_look::age() const {
    return call_->core_->rt.wall_now() - (known_ ? known_->what.made : since_);
}

/// Nothing that the provider may still say would decide it.
KEDGE_DECL bool payment_look::hopeless() const { return call_->mismatches_ > 1 || age() >= call_->core_->key_life(); }

KEDGE_DECL void payment_look::settle(const error_code& ec, bool final) {
    payment_result& r = call_->result_;
    const auto settled = [self = shared_from_this(), ec, final, first = first_answer()](error_code failed) {
        first(self->executor(), [self, ec, final, failed] {
            self->call_->result_.recorded_ = !failed;
            self->end(ec, final);
        });
    };
    try {
        call_->core_->journal->settle({r.key_, call_->join_.value(), r.provider_id_}, settled);
    } catch (...) {
        settled(payment::errc::journal_failed);
    }
}

KEDGE_DECL void payment_look::end(const error_code& ec, bool final) {
    release();
    const verdict again{kind::neutral, replay::if_idempotent, wait_};
    look_handler next(std::move(next_));
    next(ec, look_reply{final ? verdict{kind::neutral, replay::never} : again, true});
}

KEDGE_DECL void payment_look::release() {
    if (std::exchange(claimed_, false)) call_->core_->release(call_->result_.key_);
}

}  // namespace kedge::detail
