// SPDX-License-Identifier: BSL-1.0
// One client, four threads: answers, limits and cancellations that come within microseconds of each other.
#include <kedge/http/client.hpp>
#include <kedge/testing/https_server.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace asio = boost::asio;
namespace http = kedge::http;
using namespace std::chrono_literals;

namespace {

constexpr int requests = 400;

/// What the requests of a storm share.
struct weather {
    explicit weather(http::client_options o) : client(io, std::move(o)) {}

    void count(const kedge::error_code& ec) {
        if (!ec) ++answered;
        else if (ec == asio::error::operation_aborted) ++cancelled;
        else if (ec == kedge::condition::timeout || ec == kedge::errc::pool_exhausted) ++expired;
        else ++strange;
        if (++ended == requests) all.set_value();
    }

    asio::io_context io{4};
    http::client client;
    std::atomic<int> ended{0}, answered{0}, cancelled{0}, expired{0}, strange{0};
    std::promise<void> all;
};

/// One request, on a strand of its own, where it is also cancelled, after so many turns.
struct guest : std::enable_shared_from_this<guest> {
    guest(weather& w, int i) : all(w), strand(asio::make_strand(w.io)), turns(i % 5 == 0 ? -1 : i * 7 % 60) {}

    void start(kedge::call c) {
        auto end = [self = shared_from_this()](auto ec, const auto&, auto) {
            self->done = true;
            self->all.count(ec);
        };
        all.client.async_request({"GET", "/health"}, c,
                                 asio::bind_cancellation_slot(stop.slot(), asio::bind_executor(strand, std::move(end))));
        if (turns >= 0) take_turn();
    }
    void take_turn() {
        if (turns-- == 0 && !done) return stop.emit(asio::cancellation_type::terminal);
        if (turns >= 0) asio::post(strand, [self = shared_from_this()] { self->take_turn(); });
    }

    weather& all;
    asio::strand<asio::io_context::executor_type> strand;
    asio::cancellation_signal stop{};
    int turns;
    bool done = false;
};

}  // namespace

TEST_CASE("answers, limits and cancellations on four threads: every request ends once, and connections are whole", "[tsan]") {
    kedge::testing::https_server server;
    server.always({.delay = 2ms});  // so that limits also end the wait for an answer
    http::client_options o{.url = server.url(), .max_connections = 6};
    o.tls.ca_pem = server.ca_pem();
    weather w(std::move(o));
    auto work = asio::make_work_guard(w.io);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { w.io.run(); });
    for (int i = 0; i < requests; ++i) {
        const auto one = std::make_shared<guest>(w, i);
        kedge::call c;
        if (i % 3 == 0) c.deadline = kedge::now() + std::chrono::milliseconds(i % 30);
        asio::post(one->strand, [one, c] { one->start(c); });
    }
    const bool ended = w.all.get_future().wait_for(60s) == std::future_status::ready;
    std::promise<kedge::error_code> last;
    w.client.async_request({"GET", "/health"}, {}, [&](auto ec, const auto&, auto) { last.set_value(ec); });
    std::future<kedge::error_code> usable = last.get_future();
    const bool answers = usable.wait_for(30s) == std::future_status::ready && !usable.get();
    work.reset();
    w.io.stop();
    for (std::thread& one : threads) one.join();
    CHECK(ended);
    CHECK(answers);
    CHECK(w.ended == requests);
    CHECK(w.strange == 0);
    CHECK(w.answered > 0);
    CHECK(w.cancelled > 0);
    CHECK(w.expired > 0);
}
