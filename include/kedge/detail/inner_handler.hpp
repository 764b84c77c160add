// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>

#include <boost/asio/associator.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <utility>

// The two function objects that carry a token of a call (see call_frame.hpp): one pointer, reported if lost.

namespace kedge::detail {

template <class Frame> class frame_token {
public:
    explicit frame_token(Frame* f) noexcept : frame_(f) {}
    frame_token(frame_token&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    frame_token& operator=(frame_token&&) = delete;
    ~frame_token() {
        if (frame_) [[unlikely]] frame_->token_lost();
    }

protected:
    Frame* take() noexcept { return std::exchange(frame_, nullptr); }
    Frame* frame_;
};

/// What the operation gets as its completion handler. Its executor, slot and attempt are the call's, everything else is
/// the handler's own.
template <class Frame> class inner_handler : public frame_token<Frame> {
public:
    using frame_token<Frame>::frame_token;
    using frame_type = Frame;
    using executor_type = typename Frame::home_type::inner_executor;
    using cancellation_slot_type = boost::asio::cancellation_slot;

    executor_type get_executor() const noexcept { return this->frame_->home().shown(); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return this->frame_->slot(); }
    const attempt& get_attempt() const noexcept { return this->frame_->current(); }
    const typename Frame::handler_type& handler() const noexcept { return this->frame_->handler(); }

    /// `step` gets this handler for the rest of the operation; if it throws, the operation ends in `errc::operation_threw`.
    template <class Step> void carry_on(Step&& step) && {
        Frame* const frame = this->frame_;
        frame->carry_on([&] { step(std::move(*this)); });
    }

    template <class First, class... Values> void operator()(First first, Values&&... values) {
        this->take()->operation_done(typename Frame::outcome_type{std::move(first), {std::forward<Values>(values)...}});
    }
};

/// A step of the call in the hands of an executor.
template <class Frame> class frame_step : public frame_token<Frame> {
public:
    frame_step(Frame* f, typename Frame::step what) noexcept : frame_token<Frame>(f), step_(what) {}

    void operator()() {
        Frame* const frame = this->take();
        frame->home().run([frame, step = step_] { (frame->*step)(); });
    }

private:
    typename Frame::step step_;
};

/// Lets go of the lock that a call was born with, later.
template <class Frame> class frame_release {
public:
    explicit frame_release(Frame* f) noexcept : frame_(f) {}
    frame_release(frame_release&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    frame_release& operator=(frame_release&&) = delete;
    ~frame_release() {
        if (frame_) [[unlikely]] frame_->release_lost();
    }

    void operator()() { std::exchange(frame_, nullptr)->release(); }

private:
    Frame* frame_;
};

}  // namespace kedge::detail

template <template <class, class> class Associator, class Frame, class Default>
struct boost::asio::associator<Associator, kedge::detail::inner_handler<Frame>, Default>
    : Associator<typename Frame::handler_type, Default> {
    static auto get(const kedge::detail::inner_handler<Frame>& h) noexcept {
        return Associator<typename Frame::handler_type, Default>::get(h.handler());
    }
    static auto get(const kedge::detail::inner_handler<Frame>& h, const Default& d) noexcept {
        return Associator<typename Frame::handler_type, Default>::get(h.handler(), d);
    }
};
