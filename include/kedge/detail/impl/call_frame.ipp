// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/call_frame.hpp>

// How a call calls what the user gave it, waits (for a place in a queue, for its next attempt, for its limit), and how the caller
// ends a wait.

namespace kedge::detail {

template <class Traits>
template <class Step> std::exception_ptr call_frame<Traits>::guarded(Step&& step) noexcept {
    calling_ = true;
    std::exception_ptr thrown;
    try {
        step();
    } catch (...) {
        thrown = std::current_exception();
    }
    calling_ = false;
    return thrown;
}

template <class Traits> void call_frame<Traits>::called(std::exception_ptr thrown) {
    if (thrown) return operation_threw(std::move(thrown));
    if (std::exchange(lost_, false)) {
        --tokens_;
        return lose_token();
    }
    if (cancel_asked_ != asio::cancellation_type::none) emit(std::exchange(cancel_asked_, asio::cancellation_type::none));
    proceed();
}

template <class Traits> void call_frame<Traits>::wait_as(phase p, std::size_t index) noexcept {
    phase_ = p;
    resume_at_ = static_cast<std::uint8_t>(index);
}

template <class Traits> void call_frame<Traits>::wait_in_queue(std::size_t index) {
    wait_as(phase::queued, index);
    ++tokens_;
    arm(state_.limit.at);  // also without a limit: if the context goes away, the timer takes the call out of the queue
}

template <class Traits> void call_frame<Traits>::admitted() {
    --tokens_;
    if (abandoned_) return lose_token();
    phase_ = phase::idle;
    (void)disarm();
    state_.now = state_.rt.now();
    const admission a = state_.cancelled ? admission{} : enter_again(stages_, shared_->policies, resume_at_, state_, *this);
    if (a.refusal) refuse_from(resume_at_, a.refusal, a.who);
    else enter_from(resume_at_);
}

template <class Traits> void call_frame<Traits>::arm(time_point due) noexcept {
    armed_ = true;
    ++tokens_;
    state_.rt.arm(*this, due, state_.now);
}

template <class Traits> bool call_frame<Traits>::disarm() noexcept {
    if (!armed_) return true;
    if (!state_.rt.cancel(*this)) return false;
    armed_ = false;
    --tokens_;
    return true;
}

template <class Traits> void call_frame<Traits>::timer_fired() {
    armed_ = false;
    --tokens_;
    if (abandoned_) return lose_token();
    if (next_ != next::nothing) return proceed();
    switch (std::exchange(phase_, phase_ == phase::running ? phase::running : phase::idle)) {
    case phase::running: return expire();
    case phase::backoff: state_.now = state_.rt.now(); return enter_from(resume_at_);
    case phase::queued:
        if (leave_queue()) --tokens_, refuse_from(resume_at_, errc::deadline_too_short, stage::limit);
        return;
    case phase::idle: return;
    }
}

template <class Traits> void call_frame<Traits>::expire() {
    state_.now = state_.rt.now();
    if (std::exchange(state_.told_to_stop, true)) return shared_->raise(state_.stuck());
    state_.expired = !state_.cancelled;
    arm(core::saturating_add(state_.now, stuck_after));
    emit(asio::cancellation_type::terminal);
    proceed();
}

template <class Traits> void call_frame<Traits>::parent_cancelled(asio::cancellation_type type) {
    home_.run([this, type] { cancel(type); });
}

template <class Traits> void call_frame<Traits>::cancel(asio::cancellation_type type) {
    using asio::cancellation_type;
    if (abandoned_) return;
    if (last_ && (type & (cancellation_type::terminal | cancellation_type::partial)) == cancellation_type::none)
        return;  // total: after a failed attempt nobody can promise that nothing happened
    state_.cancelled = true;
    if (calling_) {
        cancel_asked_ = type;
    } else if (phase_ == phase::running) {
        ++tokens_;  // until resumed: what ends meanwhile may do so later in this step, still inside `emit()`
        signal_.emit(type);
        return post(&call_frame::resumed);
    } else if (phase_ == phase::backoff ? disarm() : phase_ == phase::queued && leave_queue()) {
        if (phase_ == phase::queued) --tokens_, (void)disarm();
        phase_ = phase::idle;
        ++tokens_;
        return post(&call_frame::cancelled_while_waiting);
    }
    if (next_ != next::nothing && !initiating_) post_resume();
}

template <class Traits> void call_frame<Traits>::cancelled_while_waiting() {
    --tokens_;
    if (abandoned_) return lose_token();
    refuse_from(resume_at_, asio::error::operation_aborted, stage::none);
}

template <class Traits> void call_frame<Traits>::refuse_from(std::size_t index, error_code ec, stage who) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((I == index && (refuse<I>(ec, who), true)) || ...);
    }(std::make_index_sequence<stage_count + 1>{});
}

template <class Traits> void call_frame<Traits>::emit(asio::cancellation_type type) {
    ++tokens_;  // the operation may end, or be lost, in here
    signal_.emit(type);
    --tokens_;
}

template <class Traits> void call_frame<Traits>::post_resume() {
    ++tokens_;
    post(&call_frame::resumed);
}

}  // namespace kedge::detail
