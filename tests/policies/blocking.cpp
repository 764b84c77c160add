// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"

#include <kedge/blocking.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <thread>

using namespace std::chrono_literals;
namespace asio = boost::asio;
using kedge::errc;
using std::chrono::milliseconds;

namespace {

[[noreturn]] void refuse() { throw boost::system::system_error(asio::error::connection_refused); }

template <class F> boost::system::error_code code_of(F f) {
    try {
        f();
    } catch (const boost::system::system_error& e) {
        return e.code();
    }
    return {};
}

}  // namespace

TEST_CASE("blocking code is repeated on this thread", "[blocking]") {
    asio::io_context io;
    const kedge::pipeline p{io, kedge::retry{{.base = 1ms, .cap = 1ms}}};
    int calls = 0;
    kedge::call_report report;
    const int value = kedge::blocking_call(
        p, [&](milliseconds left) { CHECK(left == milliseconds::max()); return ++calls < 3 ? (refuse(), 0) : 42; },
        {.report = &report});
    CHECK(value == 42);
    CHECK(report.attempts == 3);
}

TEST_CASE("blocking code is told how long it may take, and late is timed out", "[blocking]") {
    asio::io_context io;
    const kedge::pipeline p{io, kedge::timeout{20ms}};
    milliseconds told{0};
    const auto ec = code_of([&] {
        kedge::blocking_call(p, [&](milliseconds left) {
            told = left;
            for (const auto until = kedge::now() + 21ms; kedge::now() < until;) {}
        });
    });
    CHECK(told <= 20ms);
    CHECK(told > 0ms);
    CHECK(ec == errc::timed_out);
}

TEST_CASE("the breaker is shared with asynchronous calls, and foreign exceptions pass", "[blocking]") {
    asio::io_context io;
    kedge::circuit_breaker breaker;
    const kedge::pipeline p{io, breaker};
    for (int i = 0; i < 5; ++i)
        CHECK_THROWS_AS(kedge::blocking_call(p, [](milliseconds) { throw std::domain_error("mine"); }), std::domain_error);
    CHECK(code_of([&] { kedge::blocking_call(p, [](milliseconds) {}); }) == errc::circuit_open);
}

TEST_CASE("a blocking call on a thread of the context, or in a simulation, says so", "[blocking]") {
    asio::io_context io;
    const kedge::pipeline p{io};
    bool thrown = false;
    asio::post(io, [&] {
        try {
            kedge::blocking_call(p, [](milliseconds) {});
        } catch (const std::logic_error&) {
            thrown = true;
        }
    });
    io.run();
    CHECK(thrown);
    kedge::testing::simulation sim;
    const kedge::pipeline virtual_one{sim};
    CHECK_THROWS_AS(kedge::blocking_call(virtual_one, [](milliseconds) {}), std::logic_error);
}

TEST_CASE("blocking calls stand in the queue of a limit", "[blocking][tsan]") {
    asio::io_context io;
    kedge::concurrency_limit limit(1, 8);
    const kedge::pipeline p{io, limit};
    int inside = 0, most = 0, done = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 200; ++n)
                kedge::blocking_call(p, [&](milliseconds) {  // unlocked on purpose: the limit of one is the lock
                    most = std::max(most, ++inside);
                    ++done;
                    --inside;
                });
        });
    for (auto& t : threads) t.join();
    CHECK(most == 1);
    CHECK(done == 800);
    CHECK(limit.snapshot().in_flight == 0);
}

TEST_CASE("a blocking call can stand in line again for its next attempt", "[blocking]") {
    asio::io_context io;
    kedge::concurrency_limit limit(1, 1);
    const kedge::pipeline twice{io, kedge::retry{{.base = 1ms, .cap = 1ms}}, limit};
    const kedge::pipeline once{io, limit};
    const auto somebody_waits = [&] {
        while (limit.snapshot().waiting == 0) std::this_thread::yield();
    };
    kedge::permit elsewhere = limit.try_acquire();
    int attempts = 0;
    std::thread caller([&] {
        kedge::blocking_call(twice, [&](milliseconds) {
            if (++attempts > 1) return;
            somebody_waits();  // who gets the place of the failed attempt
            refuse();
        });
    });
    somebody_waits();
    elsewhere.neutral();
    kedge::blocking_call(once, [&](milliseconds) { somebody_waits(); });
    caller.join();
    CHECK(attempts == 2);
    CHECK(limit.snapshot().in_flight == 0);
}
