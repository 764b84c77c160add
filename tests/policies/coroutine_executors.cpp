// SPDX-License-Identifier: BSL-1.0
// A coroutine may keep its executor longer than its call lives, and builds on it what outlives them both.

#include "../support/catch.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

/// Runs a coroutine as a call to its end, with a handler on each kind of executor, and then what it left behind.
template <class Left>
void outlives_its_call(asio::io_context& io, std::function<asio::awaitable<void>()> op, Left left) {
    const asio::any_io_executor plain = io.get_executor();
    const asio::any_io_executor strand = asio::make_strand(io), erased_strand = asio::make_strand(plain);
    for (const auto& ex : {plain, strand, erased_strand}) {
        bool ended = false;
        const kedge::pipeline p{io, kedge::retry{}, kedge::timeout{1s}};
        p.async_call(op, asio::bind_executor(ex, [&](const std::exception_ptr& thrown) { ended = !thrown; }));
        while (!ended) io.run_one();
        left();
        io.run();
        io.restart();
    }
}

}  // namespace

TEST_CASE("a coroutine's executor is used after its call", "[coroutine][executors]") {
    asio::io_context io;
    std::optional<asio::any_io_executor> kept;
    int ran = 0;
    auto op = [&]() -> asio::awaitable<void> { kept = co_await asio::this_coro::executor; };
    outlives_its_call(io, op, [&] {
        asio::post(*kept, [&] { ++ran; });
        asio::dispatch(*std::exchange(kept, std::nullopt), [&] { ++ran; });
    });
    CHECK(ran == 6);
}

TEST_CASE("objects that wait are built on a coroutine's executor and outlive its call", "[coroutine][executors]") {
    asio::io_context io;
    std::optional<kedge::timer> ours;
    std::optional<asio::steady_timer> theirs;
    int rang = 0;
    auto op = [&]() -> asio::awaitable<void> {
        const auto count = [&](error_code ec) { rang += !ec; };
        ours.emplace(co_await asio::this_coro::executor).expires_after(1ms);
        ours->async_wait(count);
        theirs.emplace(co_await asio::this_coro::executor, 1ms).async_wait(count);
    };
    SECTION("as they were left") { outlives_its_call(io, op, [] {}); }
    SECTION("used again") {
        outlives_its_call(io, op, [&] {
            theirs->expires_after(0s);  // cancels the first wait
            theirs->async_wait([&](error_code ec) { rang += !ec; });
        });
    }
    CHECK(rang == 6);
}

TEST_CASE("a coroutine that another one has spawned outlives the call", "[coroutine][executors]") {
    asio::io_context io;
    int steps = 0;
    const std::function<asio::awaitable<void>()> child = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 3; ++i, ++steps) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    };
    auto op = [&]() -> asio::awaitable<void> {
        asio::co_spawn(co_await asio::this_coro::executor, child(), asio::detached);
    };
    outlives_its_call(io, op, [] {});
    CHECK(steps == 9);
}

namespace {

/// Makes calls one after the other on an `any_io_executor` that two threads run: while one thread still initiates a call,
/// the other completes it.
class caller {
    struct coroutine {
        asio::any_io_executor on;
        asio::awaitable<void> operator()() const {
            for (int i = 0; i < 3; ++i) co_await kedge::async_sleep(on, 330us, asio::use_awaitable);
        }
    };
    struct operation {
        asio::any_io_executor on;
        template <class Token> auto operator()(Token&& token) const {
            auto steps = [ex = on, left = 3](auto& self, error_code ec = {}) mutable {
                if (ec || left-- == 0) self.complete(ec);
                else asio::post(ex, std::move(self));
            };
            return asio::async_compose<Token, void(error_code)>(std::move(steps), token, on);
        }
    };

public:
    explicit caller(const asio::any_io_executor& ex) : any_(ex), pipeline_(ex, kedge::retry{}, kedge::timeout{1ms}) {}

    void next() {
        if (--left < 0) return;
        if (left % 8 == 0) pipeline_.async_call(coroutine{any_}, asio::bind_executor(any_, [this](auto&&) { next(); }));
        else pipeline_.async_call(operation{any_}, asio::bind_executor(any_, [this](auto&&) { next(); }));
    }

    int left = 400;

private:
    const asio::any_io_executor any_;
    const kedge::pipeline<asio::any_io_executor, kedge::retry, kedge::timeout> pipeline_;
};

}  // namespace

TEST_CASE("calls on an any_io_executor that two threads run", "[coroutine][executors][tsan]") {
    asio::io_context io;
    std::vector<caller> callers(8, caller(io.get_executor()));
    for (caller& c : callers) asio::post(io, [&c] { c.next(); });
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { io.run(); });
    for (auto& t : threads) t.join();
    for (const caller& c : callers) CHECK(c.left == -1);
}
