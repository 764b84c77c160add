// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/runtime.hpp>
#include <kedge/testing/detail/simulated_steps.hpp>

#include <boost/asio/detail/chrono_time_traits.hpp>
#include <boost/asio/detail/deadline_timer_service.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace kedge::testing {

/** An execution context with virtual time: an hour takes as long as its steps, and a seed decides the order of all
 *  that is ready. Everything of kedge that is made on it, or on its strands, lives in that time, and so do
 *  `kedge::now()`, `kedge::timer` and `kedge::async_sleep` of the thread that made it. Time starts at zero.
 *
 *  It is an `asio::io_context` only to find what does not belong here: work that the io_context holds (an
 *  `asio::steady_timer`, a socket, a resolver, a handler posted to its own executor) ends the run with
 *  `std::logic_error` before time moves on. What is constructed on it and idle is not noticed, and neither is work that
 *  lives in another context.
 *
 *  @par Thread safety  None: the thread that runs it is the only one to use it. `execute` from another one throws.
 */
class simulation : public boost::asio::io_context {
public:
    class executor_type;

    /// @param seed decides every choice; @param wall the time of day at the start
    explicit simulation(std::uint64_t seed = 1, std::chrono::system_clock::time_point wall = {})
        : seed_(seed), choice_(seed), chance_(~seed), wall_(wall), here_(clock_) {
        boost::asio::make_service<virtual_runtime>(*this);
    }

    ~simulation() {
        const detail::virtual_clock_scope here(clock_);
        closing_ = true;
        shutdown();
        steps_.clear();  // what is destroyed may submit more: it is destroyed at once
        destroy();
    }

    executor_type get_executor() noexcept;

    time_point now() const noexcept { return clock_; }
    nanoseconds elapsed() const noexcept { return clock_.time_since_epoch(); }

    /** Runs until nothing is left to do. @return the number of steps
     *  @throws std::runtime_error that says what is left and which calls, when something waits for what never happens
     *  @throws std::logic_error when work is held by something that does not live in virtual time
     */
    std::size_t run() {
        const std::size_t done = loop(core::no_tick, [] { return false; });
        if (const std::string left = leftover(); !left.empty()) fail("nothing more can happen, but " + left);
        return done;
    }

    /// Runs what happens within `span`; afterwards that much time has passed.
    std::size_t run_for(nanoseconds span) {
        const time_point end = core::saturating_add(clock_, span);
        const std::size_t done = loop(end.time_since_epoch().count(), [] { return false; });
        clock_ = end;
        return done;
    }

    /// Runs until `done()` holds, which is asked before each step.
    /// @throws std::runtime_error when nothing is left to do before that
    template <class Predicate> std::size_t run_until(Predicate done) {
        const std::size_t count = loop(core::no_tick, done);
        if (!done()) {
            const std::string left = leftover();
            fail("the awaited condition never came" + (left.empty() ? std::string() : "; " + left));
        }
        return count;
    }

    /// A digest of every choice and its time: equal for equal seeds on every compiler, as long as the program is.
    std::uint64_t trace() const noexcept { return trace_; }
    std::uint64_t seed() const noexcept { return seed_; }

    std::size_t poll() = delete;
    std::size_t poll_one() = delete;
    std::size_t run_one() = delete;

private:
    class virtual_runtime;

    template <class Predicate> std::size_t loop(std::int64_t end, Predicate done) {
        const detail::virtual_clock_scope here(clock_);
        thread_ = std::this_thread::get_id();
        check_foreign();
        std::size_t count = 0;
        for (; !done(); ++count) {
            if (steps_.size() == 0 && !timers_.has_due() && !move_time(end)) break;
            step();
        }
        check_foreign();
        return count;
    }

    /// False when nothing happens until `end`.
    bool move_time(std::int64_t end) {
        check_foreign();
        timers_.advance(clock_.time_since_epoch().count());
        if (timers_.has_due()) return true;
        const std::int64_t next = timers_.next_event();
        if (next > end || next == core::no_tick) return false;
        clock_ = time_point(nanoseconds(next));
        timers_.advance(next);
        return true;
    }

    /// One of the steps that are ready, or the first timer that is due: as a context with many threads might choose.
    void step() {
        const std::size_t ready = steps_.size() + (timers_.has_due() ? 1 : 0);
        const std::size_t chosen = ready == 1 ? 0 : static_cast<std::size_t>(choice_() >> 32) * ready >> 32;
        const auto when = static_cast<std::uint64_t>(clock_.time_since_epoch().count());
        trace_ = (trace_ ^ when ^ (std::uint64_t{ready} << 48) ^ (std::uint64_t{chosen} << 32)) * 0x9fb2'1c65'1e98'df25;
        trace_ ^= trace_ >> 29;
        if (chosen < steps_.size()) return steps_.run(chosen);
        timer_node* const n = timers_.pop_due();
        n->fire(n);
    }

    std::string leftover() const {
        std::string text;
        const auto add = [&text](std::size_t count, const char* one, const char* many) {
            if (count == 0) return;
            if (!text.empty()) text += " and ";
            text += std::to_string(count) + (count == 1 ? one : many);
        };
        add(timers_.armed(), " timer is set to no time at all", " timers are set to no time at all");
        add(work_, " piece of work is outstanding (an operation that never completed, or a work guard)",
            " pieces of work are outstanding (operations that never completed, or work guards)");
        if (text.empty()) return text;
        for (const auto& call : calls_)
            text += "; the call at " + std::string(call.place.file_name()) + ":" + std::to_string(call.place.line()) +
                    " has not ended";
        return text;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw std::runtime_error("simulation with seed " + std::to_string(seed_) + ", at " + time_text() + ": " + what);
    }

    std::string time_text() const {
        char text[48];
        std::snprintf(text, sizeof text, "%.9f s", std::chrono::duration<double>(elapsed()).count());
        return text;
    }

    /// Work that comes and goes stops an io_context exactly if it has none besides.
    void check_foreign() {
        using boost::asio::execution::outstanding_work;
        { const auto comes_and_goes = boost::asio::require(io_context::get_executor(), outstanding_work.tracked); }
        if (stopped()) return restart();
        throw std::logic_error("simulation, at " + time_text() + ": " + foreign_name() +
                               " waits in real time on this simulation; use kedge::timer and kedge's own resolver, "
                               "and simulation::get_executor()");
    }

    std::string foreign_name() const {
        auto& self = const_cast<simulation&>(*this);
        const char* const guess = " (this context has one, so probably it)";
        if (has_timers<std::chrono::steady_clock>(self)) return std::string("asio::steady_timer") + guess;
        if (has_timers<std::chrono::system_clock>(self)) return std::string("asio::system_timer") + guess;
        return "an object of asio (a socket, resolver or signal set, or a handler posted to the io_context)";
    }

    template <class Clock> static bool has_timers(simulation& s) {
        using namespace boost::asio;
        using traits = boost::asio::detail::chrono_time_traits<Clock, wait_traits<Clock>>;
        return has_service<boost::asio::detail::deadline_timer_service<traits>>(s);
    }

    template <class F> void submit(F&& f) {
        if (std::this_thread::get_id() != thread_)
            throw std::logic_error("simulation: work submitted by another thread; a simulation has one");
        if (closing_) return;
        steps_.push(std::forward<F>(f));
    }

    const std::uint64_t seed_;
    time_point clock_{};
    kedge::detail::splitmix choice_, chance_;  // apart, so that a draw of the program does not change the order
    const std::chrono::system_clock::time_point wall_;
    std::uint64_t trace_ = 0x6b65'6467'6573'696d;
    std::thread::id thread_ = std::this_thread::get_id();
    std::size_t work_ = 0;
    bool closing_ = false;
    detail::simulated_steps steps_;
    core::timer_set timers_;
    boost::intrusive::list<kedge::detail::unfinished, boost::intrusive::constant_time_size<false>,
                           boost::intrusive::base_hook<kedge::detail::unfinished_hook>>
        calls_;
    detail::virtual_clock_scope here_;
};

/// Like an io_context's: `dispatch` from inside a step runs in place, unless `blocking.never` is required.
class simulation::executor_type {
public:
    executor_type(const executor_type& other) noexcept : executor_type(other.context_, other.never_, other.tracked_) {}
    executor_type& operator=(const executor_type& other) noexcept {
        if (other.tracked_) ++other.context_->work_;
        if (tracked_) --context_->work_;
        context_ = other.context_;
        never_ = other.never_;
        tracked_ = other.tracked_;
        return *this;
    }
    ~executor_type() {
        if (tracked_) --context_->work_;
    }

    friend bool operator==(const executor_type& a, const executor_type& b) noexcept {
        return a.context_ == b.context_ && a.never_ == b.never_ && a.tracked_ == b.tracked_;
    }
    friend bool operator!=(const executor_type& a, const executor_type& b) noexcept { return !(a == b); }

    simulation& context() const noexcept { return *context_; }

    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return *context_; }
    boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) const noexcept {
        if (never_) return boost::asio::execution::blocking.never;
        return boost::asio::execution::blocking.possibly;
    }
    boost::asio::execution::outstanding_work_t query(boost::asio::execution::outstanding_work_t) const noexcept {
        if (tracked_) return boost::asio::execution::outstanding_work.tracked;
        return boost::asio::execution::outstanding_work.untracked;
    }
    executor_type require(boost::asio::execution::blocking_t::never_t) const noexcept {
        return {context_, true, tracked_};
    }
    executor_type require(boost::asio::execution::blocking_t::possibly_t) const noexcept {
        return {context_, false, tracked_};
    }
    executor_type require(boost::asio::execution::outstanding_work_t::tracked_t) const noexcept {
        return {context_, never_, true};
    }
    executor_type require(boost::asio::execution::outstanding_work_t::untracked_t) const noexcept {
        return {context_, never_, false};
    }

    bool running_in_this_thread() const noexcept { return context_->steps_.running(); }

    template <class F> void execute(F&& f) const {
        if (!never_ && context_->steps_.running() && std::this_thread::get_id() == context_->thread_) {
            std::decay_t<F> function(std::forward<F>(f));
            std::move(function)();
        } else {
            context_->submit(std::forward<F>(f));
        }
    }

private:
    friend class simulation;

    executor_type(simulation* context, bool never, bool tracked) noexcept
        : context_(context), never_(never), tracked_(tracked) {
        if (tracked_) ++context_->work_;
    }

    simulation* context_;
    bool never_, tracked_;
};

inline simulation::executor_type simulation::get_executor() noexcept { return {this, false, false}; }

/// Found under the id of @ref runtime, so nothing in the library knows that it is virtual.
class simulation::virtual_runtime final : public runtime {
public:
    explicit virtual_runtime(boost::asio::execution_context& context)
        : runtime(context, true), simulation_(static_cast<simulation&>(context)) {}

private:
    time_point virtual_now() const noexcept override { return simulation_.clock_; }
    std::chrono::system_clock::time_point virtual_wall_now() const noexcept override {
        using wall = std::chrono::system_clock::duration;
        return simulation_.wall_ + std::chrono::duration_cast<wall>(simulation_.elapsed());
    }
    void virtual_arm(timer_node& n, time_point due) noexcept override {
        simulation_.timers_.arm(n, due.time_since_epoch().count());
    }
    bool virtual_cancel(timer_node& n) noexcept override { return simulation_.timers_.cancel(n); }
    void virtual_watch(kedge::detail::unfinished& call) noexcept override { simulation_.calls_.push_back(call); }
    std::uint64_t virtual_random() noexcept override { return simulation_.chance_(); }
    void virtual_random_bytes(std::span<std::byte> to) noexcept override {
        for (auto& b : to) b = static_cast<std::byte>(simulation_.chance_() >> 56);
    }
    void virtual_run_blocking(kedge::detail::unique_function<void()> task) override {
        simulation_.submit(std::move(task));
    }
    void shutdown() override {
        runtime::shutdown();
        simulation_.timers_.abandon_all();
        while (timer_node* const n = simulation_.timers_.pop_abandoned()) n->abandon(n);
    }

    simulation& simulation_;
};

}  // namespace kedge::testing
