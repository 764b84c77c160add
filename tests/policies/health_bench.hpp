// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"

#include <kedge/health_monitor.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace health_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::health;
using kedge::testing::simulation;

/// A dependency that can be told how it is.
struct dependency {
    explicit dependency(simulation& s) : sim(s) {}

    simulation& sim;
    error_code says{};
    kedge::nanoseconds takes = 10ms;
    int asked = 0, under_way = 0, most_under_way = 0;
    kedge::time_point last_asked{};

    auto ping() {
        return [this](auto&& token) {
            return asio::async_compose<decltype(token), void(error_code)>(
                [this, timer = std::make_unique<kedge::timer>(sim), begun = false](auto& self,
                                                                                   error_code ec = {}) mutable {
                    if (begun) {
                        --under_way;
                        timer.reset();
                        return self.complete(ec ? ec : says);
                    }
                    begun = true;
                    ++asked;
                    last_asked = sim.now();
                    most_under_way = std::max(most_under_way, ++under_way);
                    timer->expires_after(takes);
                    auto& wait = *timer;
                    wait.async_wait(std::move(self));
                },
                token, sim);
        };
    }
};

/// A monitor that runs until the test is over.
template <class Monitor> struct running {
    running(simulation& s, Monitor& m) : sim(s) {
        m.async_run(asio::bind_cancellation_slot(stop.slot(), [this](error_code ec) {
            CHECK_FALSE(ended);
            ended = ec;
        }));
        CHECK_FALSE(ended);  // never inside the initiating function
    }
    ~running() { end(); }

    void end() {
        if (ended) return;
        stop.emit(asio::cancellation_type::terminal);
        sim.run();
        REQUIRE(ended);
        CHECK(*ended == asio::error::operation_aborted);
    }

    simulation& sim;
    asio::cancellation_signal stop;
    std::optional<error_code> ended;
};

inline const error_code refused = asio::error::connection_refused;

}  // namespace health_test
