// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"
#include "../support/wrong_password.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/compose.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pool_test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::reuse;

/// What a server says that is about to leave all its clients.
inline const error_code going_away = asio::error::shut_down;

/// What the connectors of a test share.
struct server {
    int opened = 0, closed = 0, dials = 0, resets = 0, peeks = 0, pings = 0;
    std::chrono::nanoseconds takes = 1ms;
    error_code refuses{};
    error_code ping_says{};
    bool peek_finds_dead = false, hangs = false;
};

struct wire {
    explicit wire(const asio::any_io_executor& ex) : timer(ex) {}
    kedge::timer timer;
    int number = 0;
    reuse state = reuse::clean;
};

struct connector {
    server* s;

    std::unique_ptr<wire> create(const asio::any_io_executor& ex) const { return std::make_unique<wire>(ex); }
    template <class Token> auto async_connect(wire& w, Token&& token) const {
        return after(w, std::forward<Token>(token), [this, &w] {
            ++s->dials;
            if (!s->refuses) w.number = ++s->opened;
            return s->refuses;
        });
    }
    template <class Token> auto async_reset(wire& w, Token&& token) const {
        return after(w, std::forward<Token>(token), [this, &w] {
            ++s->resets;
            w.state = reuse::clean;
            return error_code();
        });
    }
    template <class Token> auto async_ping(wire& w, Token&& token) const {
        return after(w, std::forward<Token>(token), [this] { return ++s->pings, s->ping_says; });
    }
    void close(wire& w) const noexcept { s->closed += w.number != 0; }
    static reuse inspect(const wire& w) noexcept { return w.state; }
    static bool condemns(const error_code& ec) noexcept { return ec == going_away; }
    bool is_dead(wire&) const noexcept { return ++s->peeks, s->peek_finds_dead; }

private:
    template <class Token, class Then> auto after(wire& w, Token&& token, Then then) const {
        w.timer.expires_after(s->hangs ? std::chrono::nanoseconds(1h) : s->takes);
        return asio::async_compose<Token, void(error_code)>(
            [&w, then, begun = false](auto& self, error_code ec = {}) mutable {
                if (!std::exchange(begun, true)) return w.timer.async_wait(std::move(self));
                self.complete(ec ? ec : then());
            },
            token, w.timer);
    }
};

struct bench {
    kedge::testing::simulation sim{7};
    server backend;
    kedge::connection_pool<wire> pool;
    using lease = kedge::lease<wire>;

    explicit bench(kedge::pool_options options = {.max = 2}) : pool(sim, std::move(options), connector{&backend}) {}

    struct result {
        bool done = false;
        error_code ec{};
        lease held{};
        kedge::time_point at{};
    };
    std::shared_ptr<result> acquire(kedge::call c = {}) {
        auto r = std::make_shared<result>();
        pool.async_acquire(c, [this, r](error_code ec, lease l) {
            r->done = true;
            r->ec = ec;
            r->held = std::move(l);
            r->at = sim.now();
        });
        CHECK_FALSE(r->done);
        return r;
    }
    lease take() {
        auto r = acquire();
        sim.run_until([&] { return r->done; });
        REQUIRE_FALSE(r->ec);
        return std::move(r->held);
    }
};

}  // namespace pool_test
