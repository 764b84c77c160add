// SPDX-License-Identifier: BSL-1.0
// Whoever declares a signal after the context destroys it before the context: what still waits there must not touch it.
#include "../support/catch.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;

namespace {

/// `start` begins something that is never over; the signal ends first, then the context. For AddressSanitizer.
template <class Start> void outlive_signal(Start start) {
    std::shared_ptr<void> kept;  // longer than the context
    asio::io_context io;
    auto stop = std::make_unique<asio::cancellation_signal>();
    const auto token = std::make_shared<int>();
    kept = start(io, asio::bind_cancellation_slot(stop->slot(), [token](const error_code&, auto&&...) {}));
    CHECK(token.use_count() == 2);
    io.poll();
    stop.reset();
}

asio::awaitable<int> never_connects() {
    co_await kedge::async_sleep(co_await asio::this_coro::executor, 1h, asio::use_awaitable);
    co_return 1;
}

std::shared_ptr<kedge::connection_pool<int>> pool_of(asio::io_context& io) {
    return std::make_shared<kedge::connection_pool<int>>(io, kedge::pool_options{.connect_timeout = 2h}, never_connects);
}

}  // namespace

TEST_CASE("a signal that ends before its context: a timer") {
    outlive_signal([](asio::io_context& io, auto handler) {
        kedge::async_sleep(io.get_executor(), 1h, std::move(handler));
        return nullptr;
    });
}

TEST_CASE("a signal that ends before its context: a line for a connection") {
    outlive_signal([](asio::io_context& io, auto handler) {
        const auto pool = pool_of(io);
        pool->async_acquire(std::move(handler));
        return pool;
    });
}

TEST_CASE("a signal that ends before its context: a pool that is run") {
    outlive_signal([](asio::io_context& io, auto handler) {
        const auto pool = pool_of(io);
        pool->async_run(std::move(handler));
        return pool;
    });
}

TEST_CASE("a signal that ends before its context: a call") {
    outlive_signal([](asio::io_context& io, auto handler) {
        const kedge::pipeline p{io, kedge::timeout{2h}};
        const auto hang = [&io](auto&& token) {
            return kedge::async_sleep(io.get_executor(), 1h, std::forward<decltype(token)>(token));
        };
        p.async_call(hang, std::move(handler));
        return nullptr;
    });
}
