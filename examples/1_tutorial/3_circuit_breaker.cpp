// SPDX-License-Identifier: BSL-1.0
//
// A circuit breaker spares a service that is down, and its callers the wait. In virtual time; see tutorial 2.

#include <kedge/log/console_sink.hpp>
#include <kedge/log/events.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "../expect.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using example::expect;

namespace {

/// Down until `back_at`: every call hangs. Afterwards it answers within 10 ms.
struct service {
    kedge::testing::simulation& world;
    kedge::time_point back_at;
    int asked = 0;

    template <class Token> auto operator()(Token&& token) {
        ++asked;
        const bool down = world.now() < back_at;
        return kedge::async_sleep(world, down ? kedge::nanoseconds(1h) : kedge::nanoseconds(10ms),
                                  std::forward<Token>(token));
    }
};

// Code with callbacks of its own, gRPC or threads asks the breaker by itself; forgetting to finish a permit is harmless.
void without_a_pipeline() {
    kedge::circuit_breaker breaker{{.name = "by hand"}};
    for (int i = 0; i < 5; ++i) breaker.try_acquire().failure();
    const kedge::permit permit = breaker.try_acquire();
    expect(!permit && permit.retry_after() > 0s, "a refused permit says when to come back");
    std::printf("%s\n", to_string(breaker.snapshot()).c_str());
}

}  // namespace

int main() {
    kedge::testing::simulation world;
    const auto console = std::make_shared<kedge::log::console_sink>(stdout);
    const kedge::circuit_breaker breaker{{.name = "payments", .on_event = kedge::log::event_recorder{world, console}}};

    // The breaker stands outside the timeout: a hanging service becomes a timeout *inside* it, and that opens it.
    const kedge::pipeline guarded{world, breaker, kedge::timeout{500ms}};

    service payments{world, world.now() + 30s};
    auto ask = [&payments](auto&& token) { return payments(std::forward<decltype(token)>(token)); };

    // One customer each second, for a minute.
    int good = 0, refused = 0, failed = 0;
    kedge::nanoseconds longest_refusal{0};
    kedge::call_report last_refusal;
    for (int second = 0; second < 60; ++second) {
        const auto start = world.now();
        kedge::call_report report;
        guarded.async_call(ask, {.report = &report}, [&](error_code ec) {
            if (!ec) ++good;
            else if (ec == kedge::errc::circuit_open) ++refused, longest_refusal = std::max(longest_refusal, world.now() - start);
            else ++failed;
        });
        world.run_until([&] { return good + refused + failed == second + 1; });
        if (report.result == kedge::errc::circuit_open) last_refusal = report;
        world.run_for(start + 1s - world.now());
    }

    std::printf("%d good, %d failed, %d refused; the sick service was asked %d times in 30 s\n", good, failed, refused,
                payments.asked - good);
    std::printf("a refusal: %s\n", to_string(last_refusal).c_str());
    expect(failed >= 5 && failed <= 9, "five failures open it, then only probes reach the service");
    expect(longest_refusal == 0s, "a refusal takes no time");
    expect(last_refusal.retry_after > 0s, "and says when to come back");
    expect(breaker.snapshot().state == kedge::breaker_state::closed && good > 0, "it closed again when the service was back");

    without_a_pipeline();
    return example::as_told ? 0 : 1;
}
