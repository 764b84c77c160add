// SPDX-License-Identifier: BSL-1.0
#pragma once

// 64 coroutines that want what is there for fewer of them.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <support/loop.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <deque>
#include <utility>

namespace kedge_bench {

/** Each takes, holds for one turn of the loop, and gives back, until the crowd as a whole has done it often enough. They
 *  live as long as the crowd and rest between runs, so that a run starts no coroutine.
 *
 *  @tparam Source `io()`, `take()` → something to `co_await`, `give(what came of it)`
 */
template <class Source> class crowd {
public:
    static constexpr int tasks = 64;

    crowd(int threads, int size) : source_(threads, size), threads_(threads), together_(threads) {
        for (int i = 0; i < tasks; ++i)
            asio::co_spawn(source_.io(), live(members_.emplace_back(source_.io())), asio::detached);
        source_.io().run();  // until all rest
    }

    void run(int thread, std::uint64_t n) {
        if (thread == 0) {
            left_ = static_cast<std::int64_t>(n) * threads_;
            resting_ = 0;
            source_.io().restart();
            for (member& m : members_) {
                m.grants = 0;
                m.rest.cancel();
            }
        }
        together_.arrive_and_wait();
        source_.io().run();
    }

    double unfairness() const {
        const auto [least, most] = std::ranges::minmax_element(members_, {}, &member::grants);
        return static_cast<double>(most->grants) / static_cast<double>(std::max<std::uint64_t>(1, least->grants));
    }

private:
    struct alignas(64) member {
        explicit member(asio::io_context& io) : rest(io, asio::steady_timer::time_point::max()) {}
        asio::steady_timer rest;
        std::uint64_t grants = 0;
    };

    asio::awaitable<void> live(member& self) {
        const post_operation turn{source_.io().get_executor()};
        for (;;) {
            if (++resting_ == tasks) source_.io().stop();
            error_code cancelled;
            co_await self.rest.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
            while (left_.fetch_sub(1, std::memory_order_relaxed) > 0) {
                ++self.grants;
                auto held = co_await source_.take();
                co_await turn(asio::deferred);
                source_.give(std::move(held));
            }
        }
    }

    Source source_;
    const int threads_;
    std::barrier<> together_;
    std::deque<member> members_;
    std::atomic<std::int64_t> left_ = 0;
    std::atomic<int> resting_ = 0;
};

}  // namespace kedge_bench
