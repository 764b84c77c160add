// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/detail/call_home.hpp>
#include <kedge/detail/call_state.hpp>
#include <kedge/detail/handler_memory.hpp>
#include <kedge/detail/inner_handler.hpp>
#include <kedge/detail/operation.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/stages.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace kedge::detail {

/** One call of a pipeline: handler, operation, the states of all policies, one cancellation signal and one timer entry
 *  in one block of the handler's allocator. The policies are pure (stages.hpp); this is the shell that drives them.
 *
 *  Ownership. Whoever may still come back to the frame holds a *token*: the running operation, the armed timer, a posted
 *  step, a place in a queue. The call completes only when no token is out. If the last one is destroyed without having
 *  come back, because its context went away, the call is abandoned and the handler destroyed. The runtime's `cancel()`
 *  is the arbiter between result and expiry.
 *
 *  Serialisation. Every step runs at home (call_home.hpp), one after the other, so nothing in here is atomic. A step
 *  that may end the call does so as its last act: `this` may be gone afterwards.
 */
template <class Traits> class call_frame final : timer_node, queue_place {
public:
    using handler_type = typename Traits::handler_type;
    using operation_type = typename Traits::operation_type;
    using shared_type = typename Traits::shared_type;
    using outcome_type = outcome<typename Traits::signature>;
    using home_type = call_home<call_frame, Traits::home, typename Traits::executor_type>;
    using step = void (call_frame::*)();
    static constexpr std::size_t stage_count = std::tuple_size_v<typename shared_type::policies_type>;

    /// Private in spirit: constructed by @ref begin only.
    call_frame(handler_type&& handler, operation_type&& op, const call& c, bool harmless,
               std::shared_ptr<const shared_type>&& policies)
        : handler_(std::move(handler)), shared_(std::move(policies)), op_(std::move(op)),
          state_(*shared_->rt, c, get_associated_attempt(handler_), harmless, shared_type::timed,
                 &shared_->advised),
          home_(*this, asio::get_associated_executor(handler_, shared_->executor)) {
        fire = [](timer_node* n) noexcept { static_cast<call_frame*>(n)->dispatch(&call_frame::timer_fired); };
        abandon = [](timer_node* n) noexcept { static_cast<call_frame*>(n)->timer_lost(); };
        granted = [](queue_place* p) noexcept { static_cast<call_frame*>(p)->post(&call_frame::admitted); };
    }
    call_frame(const call_frame&) = delete;

    static void begin(handler_type&& handler, operation_type&& op, const call& c, bool harmless,
                      std::shared_ptr<const shared_type> policies) {
        call_frame* const frame = allocate_object<call_frame>(handler_allocator<call_frame>(handler), std::move(handler),
                                                              std::move(op), c, harmless, std::move(policies));
        auto slot = asio::get_associated_cancellation_slot(frame->handler_);
        if (slot.is_connected())
            slot.assign([frame](asio::cancellation_type type) { frame->parent_cancelled(type); });
        frame->enter_first();
    }

    asio::cancellation_slot slot() noexcept { return signal_.slot(); }
    const attempt& current() const noexcept { return state_.inner; }
    const handler_type& handler() const noexcept { return handler_; }
    home_type& home() noexcept { return home_; }
    bool abandoned() const noexcept { return abandoned_; }

    /// Lets go of the lock that the call was born with, which others have queued behind.
    void release() {
        --tokens_;
        home_.release();
    }
    /// The context went away before that: what is queued comes to its end.
    void release_lost() {
        abandoned_ = true;
        home_.run([this] {
            --tokens_;
            lose_token();
        });
        home_.release();
    }

    /// The operation ended with `result`.
    void operation_done(outcome_type&& result) {
        --tokens_;
        phase_ = phase::idle;
        if (abandoned_) return lose_token();
        if (next_ != next::nothing) return proceed();  // it threw and completes all the same: the exception came first
        if (!disarm() || calling_) return keep(std::move(result), next::settle);
        settle(std::move(result));
    }

    /// A later step of the operation, which may throw as its start may. Its token is with the step.
    template <class Step> void carry_on(Step&& step) { called(guarded(std::forward<Step>(step))); }

    /// A token was destroyed instead of coming back.
    void token_lost() {
        if (calling_) {
            lost_ = true;
            return;
        }
        home_.run([this] {
            --tokens_;
            lose_token();
        });
    }

private:
    enum class phase : std::uint8_t { idle, running, backoff, queued };
    enum class next : std::uint8_t { nothing, settle, finish };

    // ---- the way in

    void enter_first() {
        initiating_ = true;
        enter<0>();
        initiating_ = false;
        if (next_ != next::nothing) post_resume();
        else if (tokens_ == 0) return destroy();
        if constexpr (Traits::home == home_kind::lock)
            if (!home_.try_release()) ++tokens_, post_to(home_.executor(), frame_release<call_frame>(this));
    }

    template <std::size_t I> void enter() {
        if constexpr (I == stage_count) {
            start();
        } else {
            const admission a =
                std::get<I>(stages_).enter(std::get<I>(shared_->policies), state_, static_cast<queue_place&>(*this));
            if (a.queued) return wait_in_queue(I);
            if (!a.refusal) return enter<I + 1>();
            refuse<I>(a.refusal, a.who);
        }
    }

    void enter_from(std::size_t index) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)((I == index && (enter<I>(), true)) || ...);
        }(std::make_index_sequence<stage_count + 1>{});
    }

    void start() {
        if (state_.cancelled) return refuse<stage_count>(asio::error::operation_aborted, stage::none);
        if (state_.limit.at <= state_.now) return refuse<stage_count>(state_.too_late(), state_.limit.who);
        state_.start_attempt();
        if (state_.limit.at != never) arm(state_.limit.at);
        phase_ = phase::running;
        ++tokens_;
        called(guarded([this] {
            start_attempt<Traits::operation_form>(static_cast<typename Traits::called_as>(op_), state_.inner, home_,
                                                  inner_handler<call_frame>(this));
        }));
    }

    /// What happens to the call during `step` has to wait for its end.
    template <class Step> std::exception_ptr guarded(Step&& step) noexcept;
    void called(std::exception_ptr thrown);

    void operation_threw(std::exception_ptr what) {
        if (std::exchange(lost_, false)) {
            --tokens_;
            phase_ = phase::idle;
        }
        if (state_.inner.report) state_.inner.report->thrown = what;
        kept_.reset();
        keep(outcome_type::threw(std::move(what)), next::settle);
        (void)disarm();
        proceed();
    }

    // ---- the way out

    void settle(outcome_type&& result) {
        error_code ec = result.code();
        if (state_.expired && (ec == asio::error::operation_aborted || ec == errc::deadline_exceeded)) {
            ec = state_.limit.expired();
            result = outcome_type::failed(ec);
            state_.stopped_by = state_.limit.who;
        }
        code_ = ec;
        verdict_ = result.judged_by(shared_->judge());
        state_.record(code_, verdict_);
        leave<stage_count>(std::move(result));
    }

    template <std::size_t I> void refuse(error_code ec, stage who) {
        state_.refused = true;
        state_.stopped_by = who;
        code_ = ec;
        verdict_ = {kind::neutral, replay::never};
        leave<I>(outcome_type::failed(ec));
    }

    /// Leaves stage I-1, and with it all that stand outside of it.
    template <std::size_t I> void leave(outcome_type&& result) {
        if constexpr (I == 0) {
            finish(std::move(result));
        } else {
            auto& policy = std::get<I - 1>(shared_->policies);
            auto& stage = std::get<I - 1>(stages_);
            const std::optional<nanoseconds> wait = stage.leave(policy, state_, verdict_, code_);
            if constexpr (std::tuple_element_t<I - 1, stages_type>::repeats)
                if (state_.refused && !state_.cancelled && last_) return leave_with_last<I>();
            if (!wait) return leave<I - 1>(std::move(result));
            back_off(std::move(result), *wait, I);
        }
    }

    /// kedge stopped a retry: the result is what the dependency said last.
    template <std::size_t I> void leave_with_last() {
        remembered last = std::move(*last_);
        last_.reset();
        code_ = last.code;
        verdict_ = last.judged;
        leave<I - 1>(std::move(last.result));
    }

    void back_off(outcome_type&& result, nanoseconds wait, std::size_t index) {
        last_.emplace(std::move(result), code_, verdict_);
        state_.waited = wait;
        wait_as(phase::backoff, index);
        arm(core::saturating_add(state_.now, wait));
    }

    void finish(outcome_type&& result) {
        if (tokens_ != 0 || initiating_ || calling_) return keep(std::move(result), next::finish);
        complete(std::move(result));
    }

    void complete(outcome_type&& result) {
        state_.finish_report(code_);
        if (auto parent = asio::get_associated_cancellation_slot(handler_); parent.is_connected()) parent.clear();
        [[maybe_unused]] auto work = home_.take_work();
        handler_type handler = release_frame();
        result.deliver(std::move(handler));
    }

    /// The call was abandoned. The parent's signal may be gone already, so its slot is left alone.
    void destroy() { (void)release_frame(); }

    /// Memory goes back before the upcall.
    handler_type release_frame() {
        handler_type handler(std::move(handler_));
        deallocate_object(handler_allocator<call_frame>(handler), this);
        return handler;
    }

    void keep(outcome_type&& result, next n) {
        kept_.emplace(std::move(result));
        next_ = n;
    }

    /// Goes on with what had to wait for the tokens: a result, or the end of an abandoned call. The last act of a step.
    void proceed() {
        if (tokens_ != 0 || initiating_ || calling_) return;
        if (abandoned_) return destroy();
        if (next_ == next::nothing) return;
        outcome_type result = std::move(*kept_);
        kept_.reset();
        if (std::exchange(next_, next::nothing) == next::settle) settle(std::move(result));
        else complete(std::move(result));
    }

    void resumed() {
        --tokens_;
        proceed();
    }

    /// The context shuts down; in a backoff nothing but the timer would ever free the frame.
    void timer_lost() {
        armed_ = false;
        --tokens_;
        lose_token();
    }

    void lose_token() {
        abandoned_ = true;
        (void)disarm();
        if (phase_ == phase::queued && leave_queue()) --tokens_;
        proceed();
    }

    // ---- waiting and cancellation: impl/call_frame.ipp

    void wait_as(phase p, std::size_t index) noexcept;
    void wait_in_queue(std::size_t index);
    bool leave_queue() noexcept { return entered->leave(*this); }
    void admitted();
    void arm(time_point due) noexcept;
    bool disarm() noexcept;
    void timer_fired();
    void expire();
    void parent_cancelled(asio::cancellation_type type);
    /// Never completes the call itself: it runs inside the user's `emit()`.
    void cancel(asio::cancellation_type type);
    void cancelled_while_waiting();
    void refuse_from(std::size_t index, error_code ec, stage who);
    void emit(asio::cancellation_type type);
    void post_resume();
    void post(step s) { post_to(home_.executor(), frame_step<call_frame>(this, s)); }
    void dispatch(step s) { dispatch_to(home_.executor(), frame_step<call_frame>(this, s)); }

    struct remembered {
        outcome_type result;
        error_code code;
        verdict judged;
        remembered(outcome_type&& r, error_code ec, verdict v) : result(std::move(r)), code(ec), judged(v) {}
    };
    using stages_type = typename shared_type::stages_type;

    handler_type handler_;
    std::shared_ptr<const shared_type> shared_;
    [[no_unique_address]] operation_type op_;
    call_state state_;
    home_type home_;
    asio::cancellation_signal signal_;
    stages_type stages_{};
    error_code code_{};
    verdict verdict_{};
    std::optional<outcome_type> kept_;  ///< a result that waits for the tokens
    std::optional<remembered> last_;    ///< what the dependency said last, while a retry is under way
    int tokens_ = 0;
    asio::cancellation_type cancel_asked_ = asio::cancellation_type::none;
    std::uint8_t resume_at_ = 0;
    phase phase_ = phase::idle;
    next next_ = next::nothing;
    bool armed_ = false, initiating_ = false, calling_ = false, lost_ = false, abandoned_ = false;
};

}  // namespace kedge::detail

#include <kedge/detail/impl/call_frame.ipp>
