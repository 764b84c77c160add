// SPDX-License-Identifier: BSL-1.0
// Four writers, two threads that deliver, and answers from wherever.
#include "../support/catch.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace kedge;
using namespace std::chrono_literals;

namespace {

/// Answers from the context's threads: success, a lost answer, throttling or a missing stream.
class busy_transport final : public aws::log_transport {
public:
    explicit busy_transport(boost::asio::io_context& ctx) : ctx_(ctx) {}

    void start(aws::log_request what, aws::log_response_handler done) override {
        aws::log_response response;
        static constexpr aws::answer_kind kinds[] = {aws::answer_kind::accepted, aws::answer_kind::accepted,
                                                     aws::answer_kind::unknown, aws::answer_kind::missing,
                                                     aws::answer_kind::stale_credentials};
        response.answer.kind = healed ? aws::answer_kind::accepted : kinds[draw_() % 5];
        response.clock = aws::clock_sight{1000, 900, 901};
        response.body = std::move(what.body);
        kedge::detail::post_to(ctx_.get_executor(), [done = std::move(done), response = std::move(response)]() mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()> renewed) override {
        kedge::detail::post_to(ctx_.get_executor(), [renewed = std::move(renewed)]() mutable { renewed(); });
    }

    std::atomic<bool> healed{false};

private:
    boost::asio::io_context& ctx_;
    kedge::detail::splitmix draw_{7};
};

/// Answers from a thread of elsewhere.
class foreign_transport final : public aws::log_transport {
public:
    explicit foreign_transport(boost::asio::thread_pool& elsewhere) : thread_(elsewhere) {}

    void start(aws::log_request what, aws::log_response_handler done) override {
        aws::log_response response;
        response.answer.kind = ++started_ % 3 == 0 ? aws::answer_kind::unknown : aws::answer_kind::accepted;
        response.body = std::move(what.body);
        boost::asio::post(thread_, [done = std::move(done), response = std::move(response)]() mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

private:
    std::atomic<int> started_{0};
    boost::asio::thread_pool& thread_;
};

}  // namespace

TEST_CASE("a context may go while a transport of elsewhere answers and others write", "[tsan]") {
    constexpr int written = 600;  // three batches, in disorder: the next one is sorted and made on the transport's thread
    const std::string text(4096, 'x');
    boost::asio::thread_pool elsewhere(1);
    for (int life = 0; life < 20; ++life) {
        auto ctx = std::make_unique<boost::asio::io_context>();
        aws::cloudwatch_options o;
        o.group = "shop", o.stream = "web-1";
        aws::cloudwatch_sink sink(*ctx, o, std::make_shared<foreign_transport>(elsewhere));
        const auto write = [&](int events) {
            for (int i = 0; i < events; ++i) {
                log::record what;
                what.time = log::wall_now() - std::chrono::seconds(i % 7);
                what.message = text;
                log::submit(sink, what);
            }
        };
        write(written);
        ctx->poll();
        write(life);  // for so long
        ctx.reset();
        const aws::delivery_counters now = sink.delivery();
        CHECK(now.accounting().balanced());
        CHECK(now.accounting().pending == 0);
    }
}

TEST_CASE("many threads write while others deliver, and the accounts are balanced at every look", "[tsan]") {
    boost::asio::io_context ctx;
    auto work = boost::asio::make_work_guard(ctx);
    const auto transport = std::make_shared<busy_transport>(ctx);
    aws::cloudwatch_options o;
    o.group = "shop", o.stream = "web-1";
    o.max_events = 2000;
    o.linger = 1ms;
    o.max_in_flight = 4;
    o.when_full = aws::overflow::drop_oldest;
    aws::cloudwatch_sink sink(ctx, o, transport);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { ctx.run(); });
    std::atomic<int> balanced{0};
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w)
        writers.emplace_back([&, w] {
            const std::string text = "writer " + std::to_string(w);
            for (int i = 0; i < 3000; ++i) {
                log::record what;
                what.time = log::wall_now();
                what.message = text;
                log::submit(sink, what);
                if (i % 100 == 0) balanced += sink.delivery().accounting().balanced();
            }
        });
    for (std::thread& one : writers) one.join();
    transport->healed = true;
    auto first = sink.async_shutdown(kedge::now() + 60s, boost::asio::use_future);
    auto second = sink.async_shutdown(kedge::now() + 60s, boost::asio::use_future);
    const aws::delivery_accounting books = first.get();
    CHECK(books == second.get());
    work.reset();
    for (std::thread& one : threads) one.join();
    CHECK(balanced == 120);
    CHECK(books.balanced());
    CHECK(books.offered >= 12'000);  // and records of drops
    CHECK(books.pending == 0);
    CHECK(books.leftover == 0);
}
