// SPDX-License-Identifier: BSL-1.0
#pragma once

// The world in which a scenario of the pool is played: virtual time, one server, and visitors who borrow, hold and return.

#include <kedge/connection_pool.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace pool_scenarios {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::nanoseconds;
using kedge::time_point;

/// What all connections lead to.
struct server {
    explicit server(std::uint64_t seed) : sim(seed), chance(seed) {}

    /// Every connection that exists is lost.
    void go_down() {
        ++era;
        is_down = true;
    }

    kedge::testing::simulation sim;
    std::mt19937_64 chance;
    nanoseconds connect = 2ms;
    bool is_down = false;
    int era = 0;
    std::vector<time_point> dials{};
    int opened = 0;
};

struct wire {
    server* to;
    int era = 0;

    bool is_lost() const noexcept { return to->is_down || era != to->era; }
};

struct connector {
    server* to;

    std::unique_ptr<wire> create(const asio::any_io_executor&) const { return std::make_unique<wire>(wire{to}); }
    template <class Token> auto async_connect(wire& w, Token&& token) const {
        to->dials.push_back(to->sim.now());
        return kedge::async_sleep(to->sim, to->connect, asio::deferred([&w](error_code ec) {
                                      server& s = *w.to;
                                      if (!ec && s.is_down) ec = asio::error::connection_refused;
                                      if (!ec) ++s.opened, w.era = s.era;
                                      return asio::deferred.values(ec);
                                  }))(std::forward<Token>(token));
    }
    void close(wire&) const noexcept {}
    static kedge::reuse inspect(const wire& w) noexcept { return w.is_lost() ? kedge::reuse::broken : kedge::reuse::clean; }
};

using pool = kedge::connection_pool<wire>;

/// One request, as whoever made it saw it.
struct visit {
    time_point wanted{}, granted = kedge::never, ended{};
    error_code error{};

    nanoseconds waited() const noexcept { return std::min(granted, ended) - wanted; }
    bool served() const noexcept { return !error; }
};

/// Deques do not move what the coroutines refer to.
using visits = std::deque<visit>;

inline asio::awaitable<void> make_visit(server& s, pool& from, nanoseconds hold, time_point deadline, visit& v) {
    v.wanted = s.sim.now();
    {
        kedge::call c;
        c.deadline = deadline;
        auto held = co_await from.async_acquire(c, asio::redirect_error(asio::use_awaitable, v.error));
        if (held) {
            v.granted = s.sim.now();
            co_await kedge::async_sleep(s.sim, hold, asio::use_awaitable);
            if (held->is_lost()) v.error = asio::error::connection_reset;
        }
    }
    v.ended = s.sim.now();
}

inline void start_visit(server& s, pool& from, nanoseconds hold, visits& all, nanoseconds patience = nanoseconds::max()) {
    const time_point deadline = kedge::core::saturating_add(s.sim.now(), patience);
    asio::co_spawn(s.sim, make_visit(s, from, hold, deadline, all.emplace_back()), asio::detached);
}

/// Visitors who do not wait for one another: `per_second` of them in the mean, at random moments.
struct stream {
    double per_second;
    nanoseconds hold;
    nanoseconds patience = nanoseconds::max();  ///< each has so long in all

    asio::awaitable<void> flow(server& s, pool& from, time_point until, visits& all) const {
        std::exponential_distribution<double> gap(per_second);
        kedge::timer clock(s.sim);
        for (time_point next = s.sim.now(); next < until;) {
            start_visit(s, from, hold, all, patience);
            next += std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(gap(s.chance)));
            clock.expires_at(next);
            co_await clock.async_wait(asio::use_awaitable);
        }
    }
};

inline void play(server& s, pool& from, const stream& visitors, time_point until, visits& all) {
    asio::co_spawn(s.sim, visitors.flow(s, from, until, all), asio::detached);
    s.sim.run();
}

/// Opens `count` connections, which are idle afterwards.
inline void warm_up(server& s, pool& p, int count) {
    visits all;
    for (int i = 0; i < count; ++i) start_visit(s, p, s.connect * count + 1s, all);
    s.sim.run();
}

inline nanoseconds percentile(std::vector<nanoseconds> v, double share) {
    if (v.empty()) return nanoseconds::zero();
    const auto at = v.begin() + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(share * static_cast<double>(v.size())),
                                                         static_cast<std::ptrdiff_t>(v.size()) - 1);
    std::ranges::nth_element(v, at);
    return *at;
}

inline nanoseconds wait_percentile(const visits& all, double share) {
    std::vector<nanoseconds> waits;
    for (const visit& v : all) waits.push_back(v.waited());
    return percentile(std::move(waits), share);
}

}  // namespace pool_scenarios
