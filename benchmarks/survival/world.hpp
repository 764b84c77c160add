// SPDX-License-Identifier: BSL-1.0
#pragma once

// The world in which a survival row is played: virtual time, one dependency, and calls that arrive at a steady rate.

#include <kedge/core/event.hpp>
#include <kedge/detail/breaker_state.hpp>
#include <kedge/error.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

namespace survival {

using namespace std::chrono_literals;
using kedge::error_code;
using kedge::nanoseconds;
using kedge::time_point;

/// What a dependency does with one request.
struct answer {
    error_code error{};
    nanoseconds after = 5ms;
};

/// What all calls depend on.
struct dependency {
    explicit dependency(std::uint64_t seed) : sim(seed) {}

    /// A request has arrived.
    answer ask(std::uint64_t call, int attempt) {
        arrivals.push_back(sim.now());
        return behave(call, attempt);
    }

    /// Somebody wants a new connection.
    answer dial() {
        arrivals.push_back(sim.now());
        return connect();
    }

    /// For the breaker in front of it.
    kedge::listener watch() {
        has_breaker = true;
        return [this](const kedge::event& what) noexcept {
            if (const auto* change = std::get_if<kedge::breaker_changed>(&what))
                breaker_closed = change->to == kedge::breaker_state::closed;
        };
    }

    /// For the clients that can be told how long a call may take.
    time_point deadline(std::uint64_t call) const {
        return time_limit ? sim.now() + time_limit(call) : kedge::never;
    }

    kedge::testing::simulation sim;
    std::function<answer(std::uint64_t call, int attempt)> behave;
    std::function<answer()> connect = [] { return answer{{}, 2ms}; };
    std::function<nanoseconds(std::uint64_t call)> time_limit{};
    std::vector<time_point> arrivals{};  ///< all that the dependency had to bear
    bool has_breaker = false, breaker_closed = true;
};

/// Chance, but the same for every column, so that columns differ by what they do and not by luck.
inline std::uint64_t chance(std::uint64_t seed, std::uint64_t call, int attempt = 0) noexcept {
    using kedge::detail::scramble;
    return scramble(scramble(seed) + call * 8 + static_cast<std::uint64_t>(attempt));
}

/// Half to one and a half times as much. Without it seeds hardly differ: a breaker's jitter comes from the nanosecond.
inline double varied(double usual, std::uint64_t luck) noexcept {
    return usual * (0.5 + static_cast<double>(luck % 1'000) / 999);
}

inline nanoseconds varied(nanoseconds usual, std::uint64_t luck) noexcept {
    return nanoseconds(static_cast<std::int64_t>(varied(static_cast<double>(usual.count()), luck)));
}

using ended = std::function<void(error_code)>;

/// Makes call number `call` and says how it ended.
using client = std::function<void(std::uint64_t call, ended)>;

/// A way to call the dependency: with this or that around it, or with nothing.
struct column {
    const char* name;
    client (*make)(dependency&, int calls_per_second);
    nanoseconds limit{0};      ///< of an attempt; zero: it waits for ever
    int at_a_time = 0;         ///< calls; zero: any number
    bool ours = false;         ///< it has to reach the goals
    double may_lose = 0;       ///< the share of calls that steady random errors may cost it (E0)
};

/// One call, as whoever made it saw it.
struct call_end {
    time_point began{}, ended{};
    error_code error{};

    nanoseconds elapsed() const noexcept { return ended - began; }
};

/// Calls at a steady rate, whatever becomes of them: they do not wait for one another.
class traffic {
public:
    traffic(dependency& to, const client& by, int per_second, std::size_t count)
        : to_(to), by_(by), per_second_(per_second), calls_(count), timer_(to.sim) {}

    std::vector<call_end> play() && {
        start();
        to_.sim.run();
        return std::move(calls_);
    }

private:
    void start() {
        const std::size_t number = next_++;
        call_end& one = calls_[number];
        one.began = to_.sim.now();
        by_(number, [this, &one](error_code ec) {
            one.ended = to_.sim.now();
            one.error = ec;
        });
        if (next_ == calls_.size()) return;
        timer_.expires_at(began_ + static_cast<std::int64_t>(next_) * nanoseconds(1s) / per_second_);
        timer_.async_wait([this](error_code) { start(); });
    }

    dependency& to_;
    const client& by_;
    const int per_second_;
    std::vector<call_end> calls_;
    kedge::timer timer_;
    const time_point began_ = to_.sim.now();
    std::size_t next_ = 0;
};

inline std::vector<call_end> play(dependency& to, const column& how, int per_second, std::size_t count) {
    const client by = how.make(to, per_second);
    return traffic(to, by, per_second, count).play();
}

}  // namespace survival
