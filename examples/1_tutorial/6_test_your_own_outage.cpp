// SPDX-License-Identifier: BSL-1.0
//
// How to test your own service against an outage: an hour in microseconds, the same on every run, without a network.

#include <kedge/log/payment_error.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/recording_sink.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// The code under test: asks for the rates once a minute and keeps the last good ones. Its executor is all it knows.
class rates {
public:
    template <class Context> rates(Context& ctx, kedge::log::sink& log) : executor_(ctx.get_executor()), log_(log) {}

    /// @param fetch  an operation: the wire in production, the outage in the test
    template <class Fetch> asio::awaitable<void> run(Fetch fetch, int rounds) {
        const kedge::pipeline resilient{executor_, kedge::total_timeout{20s}, kedge::retry{{.idempotent = true}},
                                        kedge::timeout{5000ms}};
        for (int i = 0; i < rounds; ++i) {
            try {
                rate_ = co_await resilient.async_call(fetch, asio::use_awaitable);
                updated_ = kedge::now();
            } catch (const boost::system::system_error& e) {
                kedge::log::payment_error(log_, e.code(), 5000ms);
            }
            stale_for_ = std::max(stale_for_, kedge::now() - updated_);
            co_await kedge::async_sleep(executor_, 1min, asio::use_awaitable);
        }
    }

    int rate() const { return rate_; }
    kedge::nanoseconds stale_for() const { return stale_for_; }

private:
    asio::any_io_executor executor_;
    kedge::log::sink& log_;
    int rate_ = 0;
    kedge::time_point updated_ = kedge::now();
    kedge::nanoseconds stale_for_{0};
};

struct outcome {
    int rate = 0;
    kedge::nanoseconds stale_for{0};
    int alarms = 0;
    std::uint64_t trace = 0;
};

/// One hour, in which the service is silent from minute 10 to minute 25.
outcome play(std::uint64_t seed) {
    kedge::testing::simulation world(seed);
    kedge::testing::recording_sink log;
    rates service(world, log);
    auto fetch = [&world]() -> asio::awaitable<int> {
        const auto minute = std::chrono::duration_cast<std::chrono::minutes>(world.elapsed());
        const kedge::nanoseconds takes = minute >= 10min && minute < 25min ? kedge::nanoseconds(24h) : 80ms;
        co_await kedge::async_sleep(world, takes, asio::use_awaitable);
        co_return static_cast<int>(minute.count());
    };
    auto hour = [&]() -> asio::awaitable<void> { co_await service.run(fetch, 60); };
    asio::co_spawn(world, hour, asio::detached);
    world.run();
    return {service.rate(), service.stale_for(), log.count("Payment service connection failed - timeout after 5000ms"),
            world.trace()};
}

}  // namespace

int main() {
    const outcome one = play(7);
    std::printf("last rate %d, never older than %s, %d alarms\n", one.rate, kedge::to_string(one.stale_for).c_str(),
                one.alarms);
    const outcome again = play(7);
    std::printf("trace %016llx, again %016llx\n", static_cast<unsigned long long>(one.trace),
                static_cast<unsigned long long>(again.trace));

    const bool recovered = one.rate >= 59 && one.alarms >= 10 && one.alarms <= 15;
    const bool bounded = one.stale_for > 14min && one.stale_for < 17min;
    const bool same = one.trace == again.trace;  // the seed decides every order: a failure can be played again
    std::printf("recovered %d, bounded %d, repeatable %d\n", recovered, bounded, same);
    return recovered && bounded && same ? 0 : 1;
}
