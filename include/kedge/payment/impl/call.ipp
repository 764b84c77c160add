// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/payment/impl/call.hpp>
#include <kedge/payment/impl/look.hpp>
#include <kedge/payment/impl/sha256.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>

namespace kedge::detail {

inline payment::wall_time wall_at(const runtime& rt, time_point when) noexcept {
    const payment::wall_time wall = rt.wall_now();
    const nanoseconds left = when - rt.now();
    return left < payment::wall_time::max() - wall ? wall + left : payment::wall_time::max();
}

/// Fit for a field of a request or a line of a log.
inline bool is_printable(const std::string& text, std::size_t longest) noexcept {
    return text.size() <= longest && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

KEDGE_DECL payment_call::payment_call(std::shared_ptr<payment_core> core, idempotency_key key, const call& c,
                                      const attempt& outer, payment_handler handler)
    : core_(std::move(core)), handler_(std::move(handler)), call_(c), outer_(outer), result_(std::move(key)),
      work_(kedge::detail::track(executor())),
      io_work_(kedge::detail::track(core_->charge_pipe.get_executor())) {
    const time_point now = core_->rt.now();
    const time_point theirs = std::min(call_.deadline, outer_.deadline);
    deadline_ = std::min(theirs, core::saturating_add(now, core_->options.total_timeout));
    limit_ = std::chrono::round<std::chrono::milliseconds>(std::min(core_->options.total_timeout, theirs - now));
    sends_until_ = deadline_ - std::clamp((deadline_ - now) / 10, nanoseconds::zero(), longest_reserve);
    core_->bypassed.remind();
    const std::lock_guard lock(core_->mutex);
    ++core_->in_flight;
}

KEDGE_DECL payment_call::~payment_call() {
    wipe(request_);
    if (claimed_) core_->release(result_.key_);  // only when the call was abandoned
    if (!counted_) core_->ended();
}

/// Ends the call if it cannot be right, is too late, or has a key that another call works with.
KEDGE_DECL bool payment_call::refused(const std::optional<money>& amount, const std::string& reference, bool valid) {
    using payment::outcome;
    if (!valid || (amount && !amount->positive()) || !is_printable(reference, 255))
        return refuse(payment::errc::invalid_request, outcome::rejected), true;
    std::unique_lock lock(core_->mutex);
    const bool closed = core_->closed;
    lock.unlock();
    if (closed) return refuse(payment::errc::shut_down, untouched()), true;
    // That call may have charged already, so this one cannot say that nothing was sent.
    if (!core_->claim(result_.key_)) return refuse(payment::errc::key_in_use, outcome::unknown), true;
    claimed_ = true;
    amount_ = amount;
    return false;
}

KEDGE_DECL void payment_call::charge(charge_request what) {
    given_ = what.key().has_value();
    if (refused(what.amount(), what.reference())) return;
    token_ = what.token();
    request_ = core_->provider.charge(what, result_.key_);
    begin({result_.key_, {}, what.amount(), what.reference()});
}

KEDGE_DECL void payment_call::refund(const refund_request& what) {
    given_ = what.key().has_value();
    const std::string& of = what.charge();
    const bool valid = !of.empty() && is_printable(of, 255) && of.find(' ') == of.npos;
    if (refused(what.amount(), what.reference(), valid)) return;
    action_ = payment::action::refund;
    request_ = core_->provider.refund(what, result_.key_);
    begin({result_.key_, {}, what.amount(), what.reference()});
}

KEDGE_DECL void payment_call::begin(payment::intent what) {
    note_cancellation();
    what.fingerprint = sha256::hex(request_.method + ' ' + request_.target + ' ' + request_.body);
    what.made = core_->rt.wall_now();
    what.sent_until = wall_at(core_->rt, sends_until_);
    what.action = action_;
    const auto known = [self = shared_from_this(), first = first_answer()](error_code ec, payment::standing before) {
        first(self->executor(), [self, ec, before = std::move(before)] { self->known(ec, before); });
    };
    try {
        core_->journal->begin(what, known);
    } catch (...) {
        known(payment::errc::journal_failed, {});
    }
}

/// While the journal works, nobody can say what an earlier call did.
KEDGE_DECL void payment_call::note_cancellation() {
    if (auto s = slot(); s.is_connected())
        s.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
            if (const auto self = weak.lock()) self->cancelled_ = true;
        });
}

KEDGE_DECL void payment_call::forget_cancellation() {
    if (auto s = slot(); s.is_connected()) s.clear();
}

/// The journal answered: now the first byte may leave.
KEDGE_DECL void payment_call::known(const error_code& ec, const payment::standing& before) {
    using payment::outcome;
    forget_cancellation();
    if (ec == payment::errc::key_conflict) return refuse(ec, outcome::rejected);
    if (ec) return refuse(payment::errc::journal_failed, untouched());
    join_ = payment::outcome_join(before.seen && before.outcome != outcome::not_sent && before.outcome != outcome::rejected);
    if (before.outcome == outcome::succeeded || before.outcome == outcome::declined) {
        answer_from(before.outcome, before.provider_id);
        return refuse(result_.error_, result_.outcome_);
    }
    if (cancelled_) return finished(boost::asio::error::operation_aborted);
    send(before);
}

/// Not beyond the time for which the provider knows the key: it would be a new payment to it.
KEDGE_DECL void payment_call::send(const payment::standing& before) {
    if (before.seen && before.made) {
        const nanoseconds left = *before.made + core_->key_life() - core_->rt.wall_now();
        if (left <= nanoseconds::zero()) return finished(payment::errc::key_expired);
        sends_until_ = std::min(sends_until_, core::saturating_add(core_->rt.now(), left));
    }
    authorise_request();
    call inner = inner_call(sends_until_);
    inner.report = &result_.report_;
    core_->charge_pipe.async_call(payment_attempt{shared_from_this()}, inner,
                                  payment_finish<&payment_call::finished>{shared_from_this()});
}

KEDGE_DECL call payment_call::inner_call(time_point deadline) {
    call inner = call_;
    inner.report = nullptr;
    inner.deadline = deadline;
    return inner;
}

/// Makes what the journal knows the result.
KEDGE_DECL void payment_call::answer_from(payment::outcome known, const std::string& provider_id) {
    using payment::outcome;
    result_.from_journal_ = true;
    result_.provider_id_ = provider_id;
    result_.outcome_ = known;
    result_.error_ = known == outcome::declined   ? error_code(payment::errc::declined)
                     : known == outcome::rejected ? error_code(payment::errc::rejected)
                     : known == outcome::not_sent ? error_code(payment::errc::not_found)
                                                  : error_code();
}

KEDGE_DECL void payment_call::status() {
    role_ = role::asks;
    join_ = payment::outcome_join(true);
    note_cancellation();
    const auto known = [self = shared_from_this(), first = first_answer()](error_code, std::optional<payment::entry> entry) {
        first(self->executor(), [self, entry = std::move(entry)] {
            self->forget_cancellation();
            if (self->cancelled_) return self->finished(boost::asio::error::operation_aborted);
            self->ask_about(entry);
            call inner = self->inner_call(self->call_.deadline);
            inner.report = &self->result_.report_;
            self->core_->read_pipe.async_call(payment_attempt{self}, inner, payment_finish<&payment_call::finished>{self});
        });
    };
    try {
        core_->journal->find(result_.key_, known);
    } catch (...) {
        known(payment::errc::journal_failed, {});  // the provider's answer does not depend on it
    }
}

/// From here on the request is the question, bound to what the journal knows.
KEDGE_DECL void payment_call::ask_about(const std::optional<payment::entry>& known) {
    if (known) amount_ = known->what.amount, action_ = known->what.action;
    wipe(request_);
    request_ = core_->provider.status(result_.key_, action_);
    authorise_request();
}

KEDGE_DECL void payment_call::reconcile() {
    role_ = role::reconciles;
    join_ = payment::outcome_join(true);
    // A journal that drops a look's handler abandons the retry around it, which would leave a dead handler in the slot.
    if (auto s = slot(); s.is_connected())
        s.assign([weak = weak_from_this()](boost::asio::cancellation_type type) {
            if (const auto self = weak.lock()) self->stop_.emit(type);
        });
    call inner = inner_call(call_.deadline);
    inner.report = &result_.report_;
    const auto self = shared_from_this();
    core_->patient_pipe.async_call(payment_look_operation{self, core_->rt.wall_now()}, inner,
                                   payment_finish<&payment_call::finished>{self, stop_.slot()});
}

/// With the key that is in force.
KEDGE_DECL void payment_call::authorise_request() {
    api_key_ = core_->api_key.get();
    authorise(request_, api_key_);
}

/// The provider does not accept the key. That proves nothing about an earlier attempt, but if there is another key by now, one
/// more attempt may.
KEDGE_DECL bool payment_call::renew_key() {
    if (std::exchange(renewed_, true) || !core_->api_key.renew(api_key_)) return false;
    authorise_request();
    return true;
}

KEDGE_DECL void payment_call::start_attempt(const attempt& a, payment::exchange_handler handler) {
    try {
        core_->exchange->start(request_, a, std::move(handler));
    } catch (...) {  // nobody says how far it came
        if (role_ == role::sends) join_.add({payment::proof::ambiguous, payment::outcome::unknown});
        throw;
    }
}

KEDGE_DECL payment_reply payment_call::judge(error_code& ec, const payment::response& from, payment::send_phase phase,
                                             int number) {
    using payment::proof;
    payment::answer said;
    if (!ec) said = core_->provider.read(from);
    payment::judgement j = payment::judge(ec, from, said, phase, {result_.key_, amount_}, core_->rt.wall_now());
    const bool settles = j.found.proves == proof::settling;
    if (role_ != role::sends && from.status == 404) j.error = payment::errc::not_found;
    if (j.once && std::exchange(doubted_, true)) j.judged.again = replay::never;  // the replay said no better
    absent_ = said.absent;
    mismatches_ += j.error == payment::errc::foreign_answer;
    if (role_ == role::sends || settles) join_.add(j.found);
    if (role_ == role::sends || role_ == role::asks) {
        auto& history = result_.report_.history;
        history[std::min(static_cast<std::size_t>(number - 1), history.size() - 1)].phase = static_cast<std::uint8_t>(phase);
    }
    if (role_ == role::sends) result_.furthest_ = std::max(result_.furthest_, phase);
    if (!ec && (role_ != role::looks_once || settles)) {
        result_.status_ = from.status;
        result_.replayed_ = said.replayed;
        const bool fit = is_printable(said.request_id, 128) && !repeats_a_secret(said.request_id);
        result_.request_id_ = fit ? said.request_id : std::string();
        remember(said);
    }
    if (settles) take(said);
    if (!ec && from.status == 401 && renew_key()) j.judged = {kind::neutral, replay::if_idempotent};
    ec = j.error;
    return {j.judged, true};
}

KEDGE_DECL void payment_call::take(const payment::answer& said) {
    if (!repeats_a_secret(said.id)) result_.provider_id_ = said.id;
    if (said.amount) result_.amount_ = said.amount;
    result_.reconciled_ = role_ != role::sends;
}

KEDGE_DECL bool payment_call::repeats_a_secret(const std::string& text) const {
    const std::string& key = api_key_.reveal();
    return (token_ && text.find(token_->reveal()) != text.npos) || (!key.empty() && text.find(key) != text.npos);
}

/// The provider's own words, unless they repeat what is secret. Without the token at hand nobody could tell, so that only a
/// charge has more than the code.
KEDGE_DECL void payment_call::remember(const payment::answer& said) {
    const std::string message = token_ ? said.message : std::string();
    if (said.code.empty() && message.empty()) return;
    std::string text = said.code + (message.empty() ? "" : ": " + message);
    if (repeats_a_secret(text)) text = "(left out, since it repeats a secret)";
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    result_.report_.said.set("", text);
}

}  // namespace kedge::detail
