// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "counting_allocator.hpp"

#include <kedge/error.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// What every asynchronous function promises, checked with one handler type, so that each is instantiated once.

namespace kedge_test {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

inline error_code error_of(const error_code& ec) { return ec; }
inline error_code error_of(const std::exception_ptr& thrown) {
    try {
        if (thrown) std::rethrow_exception(thrown);
        return {};
    } catch (const boost::system::system_error& e) {
        return e.code();
    }
}
template <class Result>
    requires requires(const Result& r) { r.error(); }
error_code error_of(const Result& r) {
    return r.error();
}

/// Sees what becomes of one handler, and what memory it is asked for.
struct witness {
    void called_with(error_code ec) {
        CHECK(!inside);  // of the initiating function, or of emit()
        CHECK((here && here()));
        CHECK(memory.live == 0);
        ++called;
        result = ec;
    }

    std::function<bool()> here;  ///< whether this thread runs the handler's executor
    asio::cancellation_signal signal;
    memory_tally memory;
    bool inside = false;
    int called = 0, dropped = 0;
    error_code result;
};

/// Takes any results; memory and cancellation slot are those of its witness. Move-only, as handlers may be.
class conformance_handler {
public:
    using executor_type = asio::any_io_executor;
    using allocator_type = counting_allocator<std::byte>;
    using cancellation_slot_type = asio::cancellation_slot;

    conformance_handler(std::shared_ptr<witness> w, asio::any_io_executor ex) noexcept
        : witness_(std::move(w)), executor_(std::move(ex)) {}
    conformance_handler(conformance_handler&&) noexcept = default;
    conformance_handler& operator=(conformance_handler&&) noexcept = default;
    ~conformance_handler() {
        if (witness_) ++witness_->dropped;
    }

    template <class First, class... Rest> void operator()(First&& first, Rest&&...) {
        std::exchange(witness_, nullptr)->called_with(error_of(first));
    }

    executor_type get_executor() const noexcept { return executor_; }
    allocator_type get_allocator() const noexcept { return allocator_type(witness_->memory); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return witness_->signal.slot(); }

private:
    std::shared_ptr<witness> witness_;
    asio::any_io_executor executor_;
};

inline constexpr auto terminal_only = asio::cancellation_type::terminal;
inline constexpr auto terminal_and_partial = asio::cancellation_type::terminal | asio::cancellation_type::partial;
inline constexpr auto every_type = terminal_and_partial | asio::cancellation_type::total;

/** An asynchronous function, and how to make it do what the kit needs. Each member calls the function in a world of its
 *  own; one that is empty does not apply.
 *
 *  @tparam World has the member `sim`; everything that a call needs, made anew for each
 */
template <class World> struct subject {
    using call = std::function<void(World&, conformance_handler)>;

    std::string name;
    call at_once{};                                  ///< ends as soon as it can
    call later{};                                    ///< takes 1 s
    call between{};                                  ///< waits for its next attempt from 100 ms to 1 s
    asio::cancellation_type promises = every_type;  ///< to end at once when it is cancelled so
    asio::cancellation_type promises_between = terminal_and_partial;
    bool deaf_at_first = false;                     ///< promises nothing before it has begun
    bool endless = false;                           ///< `later` ends by cancellation only
    bool uses_memory = true;                        ///< of the handler
};

/// One call in a world of its own, started and cancelled where its handler would run: there, what dispatches its end
/// instead of posting it is found out.
template <class World> class trial {
public:
    trial(const typename subject<World>::call& start, bool on_strand,
          asio::cancellation_type at_once = asio::cancellation_type::none) {
        const auto plain = world_->sim.get_executor();
        const auto strand = asio::make_strand(asio::any_io_executor(plain));
        seen->here = [=] { return on_strand ? strand.running_in_this_thread() : plain.running_in_this_thread(); };
        executor_ = on_strand ? asio::any_io_executor(strand) : asio::any_io_executor(plain);
        inside([&] {
            start(*world_, conformance_handler(seen, executor_));
            if (at_once != asio::cancellation_type::none) seen->signal.emit(at_once);
        });
        REQUIRE(seen->called + seen->dropped == 0);
    }
    ~trial() { end_world(); }

    void pass(kedge::nanoseconds time) { world_->sim.run_for(time); }
    void emit(asio::cancellation_type type) {
        inside([&] { seen->signal.emit(type); });
    }
    bool ended() const { return seen->called != 0; }

    void check_called_once() {
        pass(100s);
        CHECK(seen->called == 1);
        CHECK(seen->dropped == 0);
        CHECK(seen->memory.live == 0);
    }

    /// Together with its context, as at the end of `main`.
    void check_dropped_once() {
        end_world();
        CHECK(seen->called == 0);
        CHECK(seen->dropped == 1);
        CHECK(seen->memory.live == 0);
    }

    const std::shared_ptr<witness> seen = std::make_shared<witness>();

private:
    /// A step on the handler's executor, and nothing after it.
    template <class F> void inside(F f) {
        bool done = false;
        asio::post(executor_, [&] {
            seen->inside = true;
            f();
            seen->inside = false;
            done = true;
        });
        world_->sim.run_until([&] { return done; });
    }

    /// The context goes last, so nothing may keep a strand of it.
    void end_world() {
        seen->here = {};
        executor_ = {};
        world_.reset();
    }

    std::unique_ptr<World> world_ = std::make_unique<World>();
    asio::any_io_executor executor_;
};

template <class World> class conformance {
public:
    conformance(const subject<World>& s, bool on_strand) : subject_(s), on_strand_(on_strand) {}

    void check() {
        INFO(subject_.name << (on_strand_ ? " on a strand" : ""));
        if (subject_.at_once) ends(subject_.at_once, 0s);
        if (subject_.later && !subject_.endless) ends(subject_.later, 1s);
        for (const auto& [call, after, promised] : moments()) {
            INFO("after " << after.count() << " ns");
            is_abandoned(call, after);
            for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                                    asio::cancellation_type::total})
                is_cancelled(call, after, type, (type & promised) != asio::cancellation_type::none);
        }
    }

private:
    struct moment {
        typename subject<World>::call call;
        kedge::nanoseconds after;
        asio::cancellation_type promised;
    };

    /// Before anything has run, during the operation, between two attempts.
    std::vector<moment> moments() const {
        std::vector<moment> all;
        if (subject_.at_once) all.push_back({subject_.at_once, 0s, asio::cancellation_type::none});
        const auto promises = subject_.promises;
        const auto at_first = subject_.deaf_at_first ? asio::cancellation_type::none : promises;
        if (subject_.later) all.push_back({subject_.later, 0s, at_first});
        if (subject_.later) all.push_back({subject_.later, 500ms, promises});
        if (subject_.between) all.push_back({subject_.between, 500ms, subject_.promises_between});
        return all;
    }

    void ends(const typename subject<World>::call& call, kedge::nanoseconds takes) const {
        trial<World> t(call, on_strand_);
        t.pass(takes == 0s ? 1ms : takes / 2);
        CHECK(t.ended() == (takes == 0s));
        CHECK((t.seen->memory.blocks > 0) == subject_.uses_memory);
        t.check_called_once();
        CHECK(t.seen->result == error_code());
    }

    void is_abandoned(const typename subject<World>::call& call, kedge::nanoseconds after) const {
        trial<World> t(call, on_strand_);
        if (after != 0s) t.pass(after);
        t.check_dropped_once();
    }

    /// What was not promised may have any end.
    void is_cancelled(const typename subject<World>::call& call, kedge::nanoseconds after, asio::cancellation_type type,
                      bool promised) const {
        INFO("cancelled with type " << static_cast<unsigned>(type));
        const bool at_once = after == 0s;
        trial<World> t(call, on_strand_, at_once ? type : asio::cancellation_type::none);
        if (!at_once) t.pass(after);
        if (!at_once) t.emit(type);
        t.pass(0s);
        if (promised) {
            CHECK(t.ended());
            CHECK(t.seen->result == asio::error::operation_aborted);
        } else if (subject_.endless) {
            t.emit(asio::cancellation_type::terminal);
        }
        t.check_called_once();
        t.emit(type);  // too late
    }

    const subject<World>& subject_;
    const bool on_strand_;
};

template <class World> void check_conformance(const subject<World>& s) {
    for (const bool on_strand : {false, true}) conformance<World>(s, on_strand).check();
}

}  // namespace kedge_test
