// SPDX-License-Identifier: BSL-1.0
#pragma once

// Tasks that want connections, in real time.

#include "result.hpp"
#include "settings.hpp"

#include <kedge/connection_pool.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <support/harness.hpp>

#include <atomic>
#include <barrier>
#include <cmath>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace pool_contention {

namespace asio = boost::asio;
using kedge::error_code;
using kedge::time_point;

/// With the executor's own type: posts through an erased one allocate, and nobody would see what the pool does.
using coroutine = asio::awaitable<void, asio::io_context::executor_type>;

struct connection {};

struct connector {
    nanoseconds takes;
    std::atomic<int>* opened;

    std::unique_ptr<connection> create(const asio::any_io_executor& ex) const {
        executor = ex;
        return std::make_unique<connection>();
    }
    template <class Token> auto async_connect(connection&, Token&& token) const {
        ++*opened;
        return kedge::async_sleep(executor, takes, std::forward<Token>(token));
    }
    void close(connection&) const noexcept {}
    static kedge::reuse inspect(const connection&) noexcept { return kedge::reuse::clean; }

    mutable asio::any_io_executor executor{};
};

class load {
public:
    explicit load(const settings& s)
        : settings_(s), io_(s.threads),
          pool_(io_, {.max = s.connections, .acquire_timeout = s.acquire_timeout}, connector{s.connect, &opened_}),
          together_(s.threads) {}

    result play() {
        begin_ = kedge::now() + settings_.duration / 10 + 2 * settings_.connect * settings_.connections;
        end_ = begin_ + settings_.duration;
        std::mt19937_64 seeds(settings_.seed);
        for (int i = 0; i < settings_.tasks; ++i) tasks_.emplace_back(io_, seeds());
        left_ = settings_.tasks;
        for (task& t : tasks_) asio::co_spawn(io_.get_executor(), live(t), asio::detached);
        stop_at(begin_);
        std::vector<std::thread> threads;
        for (int i = 0; i < settings_.threads; ++i) threads.emplace_back([this, i] { run(i == 0); });
        for (auto& t : threads) t.join();
        return sum();
    }

private:
    struct alignas(64) task {
        task(asio::io_context& io, std::uint64_t seed) : timer(io), chance(seed) {}
        kedge::timer timer;
        std::mt19937_64 chance;
        histogram waits, lateness;
        std::uint64_t grants = 0, done = 0, refused = 0, unserved = 0;
    };

    void stop_at(time_point when) {
        mark_.expires_at(when);
        mark_.async_wait([this](error_code) { io_.stop(); });
    }

    /// Warm-up, measurement and what is left of it; all threads pause in between, so that their allocations can be read.
    void run(bool first) {
        io_.run();
        together_.arrive_and_wait();
        if (first) {
            io_.restart();
            stop_at(end_);
            others_ = kedge_bench::used_by_others();
        }
        together_.arrive_and_wait();
        const auto before = kedge_bench::allocations();
        io_.run();
        allocations_ += kedge_bench::allocations() - before;
        together_.arrive_and_wait();
        if (first) {
            others_ = kedge_bench::used_by_others() - others_;
            io_.restart();
        }
        together_.arrive_and_wait();
        if (left_ > 0) io_.run();
    }

    nanoseconds draw_hold(task& t) const {
        const hold_time& h = settings_.hold;
        const auto typical = static_cast<double>(h.typical.count());
        double ns = typical;
        if (h.is == hold_time::shape::exponential && typical > 0) ns = std::exponential_distribution(1 / typical)(t.chance);
        if (h.is == hold_time::shape::lognormal) ns = std::lognormal_distribution(std::log(typical), h.sigma)(t.chance);
        return nanoseconds(static_cast<std::int64_t>(ns));
    }
    nanoseconds draw_gap(task& t) const {
        const double gap = std::exponential_distribution(settings_.per_second / settings_.tasks)(t.chance);
        return nanoseconds(static_cast<std::int64_t>(gap * 1e9));
    }

    coroutine live(task& t) {
        const time_point limit = end_ + settings_.duration;
        const bool open = settings_.per_second > 0;
        time_point wanted = kedge::now();
        while (true) {
            wanted = open ? wanted + draw_gap(t) : kedge::now();
            if (wanted >= end_) break;
            time_point now = kedge::now();
            if (now >= limit) {
                ++t.unserved;
                t.waits.add(limit - wanted);
                continue;
            }
            if (wanted > now) {
                t.timer.expires_at(wanted);
                co_await t.timer.async_wait();
                now = kedge::now();
            }
            if (wanted >= begin_) t.lateness.add(now - wanted);
            co_await borrow(t, wanted);
        }
        if (--left_ == 0) io_.stop();
    }

    coroutine borrow(task& t, time_point wanted) {
        auto [ec, held] = co_await pool_.async_acquire(asio::as_tuple(asio::deferred));
        if (wanted >= begin_) {
            t.waits.add(kedge::now() - wanted);
            ++(ec ? t.refused : t.grants);
        }
        if (ec) co_return;
        if (const nanoseconds hold = draw_hold(t); hold > nanoseconds::zero()) {
            t.timer.expires_after(hold);
            co_await t.timer.async_wait();
        } else {
            co_await asio::post(io_, asio::deferred);
        }
        held.recycle();
        const time_point now = kedge::now();
        t.done += now >= begin_ && now < end_;
    }

    result sum() const {
        result r;
        r.seconds = std::chrono::duration<double>(settings_.duration).count();
        r.others = others_ / r.seconds;
        r.allocations = allocations_;
        r.opened = opened_;
        for (const task& t : tasks_) {
            r.waits.add(t.waits);
            r.lateness.add(t.lateness);
            r.grants.push_back(t.grants);
            r.done += t.done;
            r.refused += t.refused;
            r.unserved += t.unserved;
        }
        return r;
    }

    const settings& settings_;
    std::atomic<int> opened_ = 0;
    asio::io_context io_;
    kedge::connection_pool<connection> pool_;
    kedge::timer mark_{io_};
    std::barrier<> together_;
    std::deque<task> tasks_;
    time_point begin_{}, end_{};
    std::atomic<int> left_ = 0;
    std::atomic<std::uint64_t> allocations_ = 0;
    double others_ = 0;
};

}  // namespace pool_contention
