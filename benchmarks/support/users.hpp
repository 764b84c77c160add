// SPDX-License-Identifier: BSL-1.0
#pragma once

// 64 users who ask a database one question after the other, for a while.

#include <support/harness.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace kedge_bench {

/// Each question is another one, so that an answer of somebody else is noticed.
class user {
public:
    using clock = std::chrono::steady_clock;

    /// Asks the source of the crowd.
    using asking = std::function<void(user&)>;

    user(int number, asking ask, boost::asio::io_context& io, std::atomic<int>& busy)
        : question_(number << 20U), ask_(std::move(ask)), io_(io), busy_(busy) {}

    int question() const noexcept { return question_; }

    void begin(clock::time_point end) {
        end_ = end;
        took.clear();
        next(clock::now());
    }

    void answered(int answer) {
        if (answer != question_) throw std::runtime_error("a wrong answer: " + std::to_string(answer));
        const auto now = clock::now();
        took.push_back(std::chrono::duration<float, std::micro>(now - asked_).count());
        next(now);
    }

    std::vector<float> took;  // microseconds

private:
    void next(clock::time_point now) {
        if (now >= end_) {
            if (busy_.fetch_sub(1) == 1) io_.stop();
            return;
        }
        ++question_;
        asked_ = now;
        ask_(*this);
    }

    int question_;
    asking ask_;
    boost::asio::io_context& io_;
    std::atomic<int>& busy_;
    clock::time_point end_{}, asked_{};
};

/// What came of it.
struct throughput {
    double ns = 0;   ///< of wall time for each answer
    double p99 = 0;  ///< microseconds from the wish to ask to the answer
    double allocations = 0;
};

class users {
public:
    static constexpr int count = 64;

    users(boost::asio::io_context& io, const user::asking& ask) : io_(io) {
        for (int i = 0; i < count; ++i) all_.emplace_back(i, ask, io, busy_);
    }

    /// Runs the context on so many threads until the last answer.
    throughput ask_for(std::chrono::nanoseconds length, int threads) {
        busy_ = count;
        io_.restart();
        const auto begun = user::clock::now();
        for (user& u : all_) boost::asio::post(io_, [&u, end = begun + length] { u.begin(end); });
        std::atomic<std::uint64_t> allocated = 0;
        const auto run = [&] {
            const auto before = allocations();
            io_.run();
            allocated += allocations() - before;
        };
        std::vector<std::thread> more;
        for (int i = 1; i < threads; ++i) more.emplace_back(run);
        run();
        const double wall = std::chrono::duration<double, std::nano>(user::clock::now() - begun).count();
        for (std::thread& t : more) t.join();
        return summary(wall, static_cast<double>(allocated));
    }

private:
    throughput summary(double wall, double allocated) const {
        std::vector<float> all;
        for (const user& u : all_) all.insert(all.end(), u.took.begin(), u.took.end());
        const auto n = static_cast<double>(all.size());
        const auto at = all.begin() + static_cast<std::ptrdiff_t>(n * 0.99);
        std::nth_element(all.begin(), at, all.end());
        return {wall / n, *at, allocated / n};
    }

    boost::asio::io_context& io_;
    std::atomic<int> busy_ = 0;
    std::deque<user> all_;
};

}  // namespace kedge_bench
