// SPDX-License-Identifier: BSL-1.0
#pragma once

// Where the rows write to: the CloudWatch sink with its delivery on a thread of its own, and what people write by hand.

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/log/python_format.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace kedge_bench {

using namespace std::chrono_literals;
namespace aws = kedge::aws;

/// An event of 95 bytes, as it is formatted.
inline kedge::log::record usual_record() {
    kedge::log::record what;
    what.time = std::chrono::system_clock::now();
    what.logger = "shop.checkout";
    what.message = "order 4711 of customer 0815 was paid with card tok_visa, 19.90 EUR, after 1 attempt, 132 ms";
    return what;
}

/// Without a stream that is missing, and with room for all that a row writes.
inline aws::cloudwatch_options roomy() {
    aws::cloudwatch_options o{.group = "shop", .stream = "web-1"};
    o.max_bytes = std::size_t{4} << 30;
    o.max_events = 20'000'000;
    return o;
}

/// Stores all that it is given, at once.
class taking_transport final : public aws::log_transport {
public:
    explicit taking_transport(boost::asio::io_context& io) : io_(io) {}

    void start(aws::log_request what, aws::log_response_handler done) override {
        aws::log_response response;
        response.answer.kind = aws::answer_kind::accepted;
        response.body = std::move(what.body);
        kedge::detail::post_to(io_.get_executor(), [done = std::move(done), response = std::move(response)]() mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

private:
    boost::asio::io_context& io_;
};

/// A context with a thread of its own.
class background {
public:
    ~background() {
        io.stop();
        thread_.join();
    }
    boost::asio::io_context io;

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ = boost::asio::make_work_guard(io);
    std::thread thread_{[this] { io.run(); }};
};

/** By hand: the record is formatted into memory that is used again, and a copy is pushed on a queue under a mutex. A thread
 *  empties it every millisecond, without a condition variable: nothing that a writer has to do could be less. Unless it cannot,
 *  since the endpoint is down. */
class hand_sink final : public kedge::log::sink {
public:
    explicit hand_sink(bool down = false) : down_(down) {}
    ~hand_sink() override {
        ended_ = true;
        thread_.join();
    }

    void write(const kedge::log::record& what) noexcept override {
        thread_local std::string text;
        text.clear();
        kedge::log::python_format(what, text);
        const std::lock_guard lock(mutex_);
        queue_.push_back(text);
    }
    kedge::log::sink_counters counters() const noexcept override { return {}; }

    void settle() const {
        while (size() > 0) std::this_thread::sleep_for(100us);
    }

private:
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }
    void empty() {
        while (!ended_) {
            std::this_thread::sleep_for(1ms);
            if (down_) continue;
            std::deque<std::string> taken;
            const std::lock_guard lock(mutex_);
            taken.swap(queue_);
        }
    }

    const bool down_;
    mutable std::mutex mutex_;
    std::deque<std::string> queue_;
    std::atomic<bool> ended_ = false;
    std::thread thread_{[this] { empty(); }};
};

}  // namespace kedge_bench
