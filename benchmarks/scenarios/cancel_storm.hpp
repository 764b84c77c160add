// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

namespace pool_scenarios::cancel_storm {

inline constexpr int connections = 10, tasks = 100;
inline constexpr nanoseconds hold = 1ms, lasts = 2s;

struct seen {
    int attempts = 0, cancelled = 0;
    int granted_anyway = 0;  ///< the cancellation came with the grant, and lost
    int lost_slots = 0;
    nanoseconds p99{0};  ///< of the waits of those who were served
};

/// All hold for exactly 1 ms, so connections change hands at full milliseconds only, and that is when 20 to 50 % of those who
/// wait are cancelled: before, between or after the steps of a grant, as the seed decides.
class storm {
public:
    explicit storm(std::uint64_t seed) : s_(seed), p_(s_.sim, {.max = connections}, connector{&s_}), share_(0.2, 0.5) {
        gives_up_ = std::bernoulli_distribution(share_(s_.chance));
    }

    seen play() {
        for (int i = 0; i < tasks; ++i) asio::co_spawn(s_.sim, live(), asio::detached);
        s_.sim.run();
        found_.p99 = percentile(std::move(waits_), 0.99);
        found_.lost_slots = std::max(p_.snapshot().used, connections - regained());
        return found_;
    }

private:
    /// It may be late, when the visitor has what he wanted.
    struct impatience {
        asio::cancellation_signal signal;
        bool emitted = false;
    };

    asio::awaitable<void> lose_patience(std::shared_ptr<impatience> mind) {
        co_await kedge::async_sleep(s_.sim, hold * after_(s_.chance), asio::use_awaitable);
        for (int n = steps_(s_.chance); n > 0; --n) co_await asio::post(s_.sim.get_executor(), asio::use_awaitable);
        mind->emitted = true;
        mind->signal.emit(asio::cancellation_type::terminal);
    }

    std::shared_ptr<impatience> arm() {
        auto mind = std::make_shared<impatience>();
        if (gives_up_(s_.chance)) asio::co_spawn(s_.sim, lose_patience(mind), asio::detached);
        return mind;
    }

    asio::awaitable<void> live() {
        while (s_.sim.now() < time_point(lasts)) {
            ++found_.attempts;
            const auto mind = arm();
            const time_point since = s_.sim.now();
            error_code ec;
            auto held = co_await p_.async_acquire(
                asio::bind_cancellation_slot(mind->signal.slot(), asio::redirect_error(asio::use_awaitable, ec)));
            found_.cancelled += ec == asio::error::operation_aborted;
            found_.granted_anyway += held && mind->emitted;
            if (!held) {
                co_await kedge::async_sleep(s_.sim, hold, asio::use_awaitable);
                continue;
            }
            waits_.push_back(s_.sim.now() - since);
            co_await kedge::async_sleep(s_.sim, hold, asio::use_awaitable);
        }
    }

    int regained() {
        visits all;
        for (int i = 0; i < connections; ++i) start_visit(s_, p_, 10s, all, 5s);
        s_.sim.run();
        return static_cast<int>(std::ranges::count_if(all, &visit::served));
    }

    server s_;
    pool p_;
    std::uniform_real_distribution<double> share_;
    std::bernoulli_distribution gives_up_;
    std::uniform_int_distribution<int> after_{tasks / connections - 4, tasks / connections};  // as long as they wait
    std::uniform_int_distribution<int> steps_{0, 8};  // of the many that happen in that moment
    seen found_;
    std::vector<nanoseconds> waits_;
};

inline seen play(std::uint64_t seed) { return storm(seed).play(); }

}  // namespace pool_scenarios::cancel_storm
