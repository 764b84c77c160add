// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "hand_driven.hpp"
#include "step_list.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <tuple>

namespace kedge_test {

using namespace std::chrono_literals;
using kedge::errc;

inline const error_code success{}, aborted = asio::error::operation_aborted, lost = asio::error::connection_reset;

/// Where a call and its operation run (docs/design/call-frame.md), as types for TEMPLATE_LIST_TEST_CASE.
template <bool ByCoroutine, bool OneThread> struct at {
    static constexpr bool by_coroutine = ByCoroutine, one_thread = OneThread;
};
using at_a_lock = at<false, false>;
using on_one_thread = at<false, true>;
using coroutine_at_a_lock = at<true, false>;
using coroutine_on_one_thread = at<true, true>;
using every_home = std::tuple<at_a_lock, on_one_thread, coroutine_at_a_lock, coroutine_on_one_thread>;

/// A simulation whose services end before the rest, as in the destructor of a context.
struct mortal_simulation : kedge::testing::simulation {
    void shut_down() { shutdown(); }
};

/** One call behind five policies. Its result, its expiry and its cancellation are queued by the test, in the order it
 *  wants, on an executor whose steps it runs itself: first queued, first run.
 *
 *  An attempt may take 1 s; there is one retry, after 1 s.
 */
template <class Home> class race {
    static constexpr bool by_coroutine = Home::by_coroutine;

public:
    explicit race(kedge::nanoseconds total = 10s) : total_(total) {}

    /// The breaker counts its probes; otherwise nobody would notice a permit that never ends.
    void start_as_a_probe() {
        for (int i = 0; i < 5; ++i) breaker.try_acquire(sim.now()).failure();
        sim.run_for(breaker.snapshot(sim.now()).next_probe_in);
        probing_ = true;
        start();
    }

    void start() {
        initiating_ = true;
        if constexpr (Home::one_thread) call(pipeline_of(kedge::threading::one_thread{}));
        else call(pipeline_of());
        initiating_ = false;
        steps.drain();
    }

    // ---- what may meet

    void queue_result(error_code ec) { op.end(ec); }

    /// The timer rings after `d`, and its step is queued.
    void queue_expiry(kedge::nanoseconds d = 1s) { sim.run_for(d); }

    void queue_cancel(asio::cancellation_type type = asio::cancellation_type::terminal) {
        asio::post(steps.get_executor(), [this, type] { emit(type); });
    }

    /// What happens when the operation is called.
    void on_start(std::function<void()> f) { on_start_ = std::move(f); }

    void emit(asio::cancellation_type type = asio::cancellation_type::terminal) {
        emitting_ = true;
        signal.emit(type);
        emitting_ = false;
    }

    bool ended() const { return bool(end_); }

    /// Runs what is queued. The call has ended then, once, and everything is given back.
    error_code end() {
        steps.drain();
        REQUIRE(end_);
        check_given_back();
        const auto now = sim.now();
        const int told = op.told();
        emit();  // too late
        sim.run();
        CHECK(sim.now() == now);  // no timer is left
        CHECK(steps.size() == 0);
        CHECK(op.told() == told);
        return *end_;
    }

    void check_given_back() {
        CHECK(alive.use_count() == 1);
        CHECK(limit.snapshot().in_flight == 0);
        CHECK(limit.snapshot().waiting == 0);
        if (probing_ && breaker.snapshot(sim.now()).state != kedge::breaker_state::open) CHECK(breaker.try_acquire(sim.now()));
    }

    /// Of the budget, when the call ended; it starts with ten, and gains one a second.
    double tokens() const { return end_ ? tokens_ : budget.snapshot(sim.now()).tokens; }

    mortal_simulation sim;
    step_list steps{sim};
    asio::cancellation_signal signal;
    kedge::retry_budget budget{10};
    kedge::circuit_breaker breaker;
    kedge::concurrency_limit limit{1, 4};
    hand_driven op{steps.get_executor()};
    kedge::call_report report;
    std::shared_ptr<int> alive = std::make_shared<int>();

private:
    struct handler {
        race* r;
        std::shared_ptr<int> alive;

        void operator()(error_code ec, int) const { r->ended_with(ec); }
        void operator()(const std::exception_ptr& thrown, int) const {
            try {
                if (thrown) std::rethrow_exception(thrown);
                r->ended_with({});
            } catch (const boost::system::system_error& e) {
                r->ended_with(e.code());
            }
        }
    };

    struct awaiting {
        race* r;
        asio::awaitable<int> operator()() const {
            if (r->on_start_) r->on_start_();
            return body();
        }
        asio::awaitable<int> body() const { co_return co_await r->op(asio::use_awaitable); }
    };

    struct initiating {
        race* r;
        template <class Token> auto operator()(Token&& token) const {
            if (r->on_start_) r->on_start_();
            return r->op(std::forward<Token>(token));
        }
    };

    template <class... Modifiers> auto pipeline_of(Modifiers... modifiers) {
        const kedge::retry_options again{
            .max_retries = 1, .base = 1s, .cap = 1s, .spread = kedge::jitter::none, .idempotent = true};
        return kedge::pipeline{sim,     modifiers..., kedge::total_timeout{total_}, kedge::retry{again, budget},
                               breaker, limit,        kedge::timeout{1s}};
    }

    template <class Pipeline> void call(const Pipeline& p) {
        auto token = asio::bind_executor(steps.get_executor(),
                                         asio::bind_cancellation_slot(signal.slot(), handler{this, alive}));
        if constexpr (by_coroutine) p.async_call(awaiting{this}, {.report = &report}, std::move(token));
        else p.async_call(initiating{this}, {.report = &report}, std::move(token));
    }

    void ended_with(error_code ec) {
        REQUIRE(!end_);
        REQUIRE(steps.running());  // on the handler's executor
        REQUIRE(!initiating_);
        REQUIRE(!emitting_);
        tokens_ = tokens();
        end_ = ec;
    }

    kedge::nanoseconds total_;
    std::function<void()> on_start_;
    std::optional<error_code> end_;
    double tokens_ = 0;
    bool initiating_ = false, emitting_ = false, probing_ = false;
};

}  // namespace kedge_test
