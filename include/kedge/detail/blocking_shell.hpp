// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/call_state.hpp>
#include <kedge/detail/operation.hpp>
#include <kedge/detail/queue_place.hpp>
#include <kedge/detail/stages.hpp>
#include <kedge/detail/this_thread_runs.hpp>
#include <kedge/verdict.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

namespace kedge::detail {

/** Drives the stages of a pipeline on the calling thread; the blocking twin of call_frame.
 *  What a call frame does by going in and out of stages with tokens and timers is a plain loop here. */
template <class Shared, class F> class blocking_shell : queue_place {
    using value_type = std::invoke_result_t<F&, std::chrono::milliseconds>;
    using stored_type = std::conditional_t<std::is_void_v<value_type>, std::monostate, value_type>;
    static constexpr std::size_t stage_count = std::tuple_size_v<typename Shared::policies_type>;

    struct result {
        std::exception_ptr thrown{};
        std::optional<stored_type> value{};
        error_code code{};
        verdict judged{};
    };

public:
    blocking_shell(const Shared& shared, F& f, const call& c)
        : shared_(shared), f_(f), state_(*shared.rt, c, attempt{}, false, Shared::timed, &shared.advised) {
        static_assert(!Shared::has_foreign, "kedge: a policy of your own has no blocking form");
        refuse_on_context_thread(shared.executor, *shared.rt, "blocking_call");
        granted = [](queue_place* p) noexcept { static_cast<blocking_shell*>(p)->wake(); };
    }

    value_type run() {
        enter<0>();
        state_.finish_report(result_.code);
        if (result_.thrown) std::rethrow_exception(result_.thrown);
        if constexpr (!std::is_void_v<value_type>) return std::move(*result_.value);
    }

private:
    /// Runs everything from stage I inwards and leaves the outcome in result_.
    template <std::size_t I> void enter() {
        if constexpr (I == stage_count) {
            attempt_once();
        } else {
            auto& stage = std::get<I>(stages_);
            auto& policy = std::get<I>(shared_.policies);
            for (std::optional<result> last;;) {
                if (const admission a = admit<I>(); a.refusal) return refuse(a.refusal, a.who);
                enter<I + 1>();
                if (state_.refused && last) result_ = std::move(*last);
                const next_attempt wait = stage.leave(policy, state_, result_.judged, result_.code);
                if (!wait) return;
                last = std::exchange(result_, result{});
                pause(*wait);
            }
        }
    }

    template <std::size_t I> admission admit() {
        const auto ask = [this] { return std::get<I>(stages_).enter(std::get<I>(shared_.policies), state_, *this); };
        if (const admission a = ask(); !a.queued) return a;
        if (!wait_in_queue()) return {errc::deadline_too_short, stage::limit};
        if (const admission a = enter_again(stages_, shared_.policies, I, state_, *this); a.refusal) return a;
        return ask();
    }

    void attempt_once() {
        if (state_.limit.at <= state_.now) return refuse(state_.too_late(), state_.limit.who);
        state_.start_attempt();
        call_function();
        const bool late = state_.limit.at != never && state_.rt.now() >= state_.limit.at;
        if (late) fail(state_.limit.expired());
        if (late) state_.stopped_by = state_.limit.who;
        judge();
        state_.record(result_.code, result_.judged);
    }

    void call_function() noexcept {
        result_ = {};
        try {
            if constexpr (std::is_void_v<value_type>) f_(left()), result_.value.emplace();
            else result_.value.emplace(f_(left()));
        } catch (...) {
            result_.thrown = std::current_exception();
        }
    }

    std::chrono::milliseconds left() const noexcept {
        using std::chrono::milliseconds;
        return state_.limit.at == never ? milliseconds::max() : std::chrono::ceil<milliseconds>(state_.limit.at - state_.now);
    }

    void judge() noexcept {
        result_.code = outcome<void(std::exception_ptr)>{result_.thrown, {}}.code();
        if constexpr (std::is_void_v<value_type>) result_.judged = shared_.judge()(result_.code);
        else if (result_.value) result_.judged = shared_.judge()(result_.code, *result_.value);
        else result_.judged = classify(result_.code);
    }

    void refuse(error_code ec, stage who) {
        state_.refused = true;
        state_.stopped_by = who;
        fail(ec);
        result_.code = ec;
        result_.judged = {kind::neutral, replay::never};
    }

    void fail(error_code ec) {
        result_.value.reset();
        result_.thrown = std::make_exception_ptr(boost::system::system_error(ec));
    }

    /// True if the place was granted before the time was over.
    bool wait_in_queue() {
        std::unique_lock lock(mutex_);
        const auto ready = [this] { return woken_; };
        if (state_.limit.at == never) changed_.wait(lock, ready);
        else if (!changed_.wait_until(lock, state_.limit.at, ready)) {
            lock.unlock();
            if (entered->leave(*this)) return false;
            lock.lock();
            changed_.wait(lock, ready);  // it is being granted this moment
        }
        woken_ = false;
        state_.now = state_.rt.now();
        return true;
    }

    void wake() noexcept {
        std::lock_guard lock(mutex_);
        woken_ = true;
        changed_.notify_all();  // under the lock: the waiter may be gone right after it
    }

    void pause(nanoseconds wait) {
        state_.waited = wait;
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, core::saturating_add(state_.now, wait), [] { return false; });
        state_.now = state_.rt.now();
    }

    const Shared& shared_;
    F& f_;
    call_state state_;
    typename Shared::stages_type stages_{};
    result result_{};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
};

}  // namespace kedge::detail
