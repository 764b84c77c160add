// SPDX-License-Identifier: BSL-1.0
// The same races with four threads: results, expiries and cancellations that come within microseconds of each other.

#include "../support/catch.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using kedge::errc;
using namespace std::chrono_literals;

/// What the calls of a storm share.
struct weather {
    explicit weather(int calls, int stop_at = -1) : stop_at(stop_at), left(calls) {}

    void count(error_code ec) {
        if (++ended == stop_at) io.stop();
        if (!ec) ++succeeded;
        else if (ec == errc::timed_out || ec == errc::deadline_exceeded || ec == errc::deadline_too_short) ++expired;
        else if (ec == asio::error::operation_aborted) ++cancelled;
        else ++strange;
    }

    const int stop_at;
    kedge::retry_budget budget;
    kedge::concurrency_limit limit{6, 100};
    kedge::circuit_breaker breaker{{.consecutive_failures = 1'000'000, .minimum_calls = 1'000'000}};  // never opens
    std::atomic<int> left, started{0}, ended{0}, destroyed{0}, succeeded{0}, expired{0}, cancelled{0}, strange{0};
    std::optional<asio::io_context> context{std::in_place};
    asio::io_context& io = *context;
};

/// Makes one call after the other, each on the same executor; if that is a strand, it cancels some of them.
class caller : public std::enable_shared_from_this<caller> {
    /// Counts a call that ends in one of the two ways in which a call may end.
    struct handler {
        std::shared_ptr<caller> self;
        bool called = false;

        explicit handler(std::shared_ptr<caller> c) : self(std::move(c)) {}
        handler(handler&& other) noexcept = default;
        ~handler() {
            if (self && !called) ++self->weather_.destroyed;
        }

        void operator()(error_code ec) {
            called = true;
            ++self->number_;
            self->weather_.count(ec);
            self->post_next();
        }
        void operator()(const std::exception_ptr& thrown) {
            error_code ec;
            try {
                if (thrown) std::rethrow_exception(thrown);
            } catch (const boost::system::system_error& e) {
                ec = e.code();
            }
            (*this)(ec);
        }
    };

    struct sleeping_coroutine {
        caller* self;
        asio::awaitable<void> operator()() const {
            co_await kedge::async_sleep(co_await asio::this_coro::executor, self->some_time(), asio::use_awaitable);
        }
    };

    /// In two steps, of which the second may meet everything else.
    struct sleeping_operation {
        caller* self;
        template <class Token> auto operator()(Token&& token) const {
            auto steps = [c = self, left = 2](auto& op, error_code ec = {}) mutable {
                if (ec || left-- == 0) return op.complete(ec);
                kedge::async_sleep(c->weather_.io, c->some_time() / 2, std::move(op));
            };
            return asio::async_compose<Token, void(error_code)>(std::move(steps), token, self->weather_.io);
        }
    };

public:
    caller(weather& w, unsigned number)
        : weather_(w), coroutine_(number % 2 != 0), random_(number),
          executor_(number % 4 < 2 ? asio::any_io_executor(asio::make_strand(asio::any_io_executor(w.io.get_executor())))
                                   : asio::any_io_executor(w.io.get_executor())),
          cancels_(number % 4 < 2),
          pipeline_(w.io, kedge::total_timeout{5ms},
                    kedge::retry{{.max_retries = 1, .base = 500us, .cap = 500us, .idempotent = true}, w.budget}, w.breaker,
                    w.limit, kedge::timeout{1ms}) {}

    void post_next() {
        asio::post(executor_, [self = shared_from_this()] { self->next(); });
    }

private:
    void next() {
        if (weather_.left.fetch_sub(1) <= 0) return;
        ++weather_.started;
        const int mine = ++number_;
        if (cancels_ && random_() % 2 == 0) {
            auto cancel = [self = shared_from_this(), mine](error_code) {
                if (self->number_ == mine) self->signal_.emit(asio::cancellation_type::terminal);
            };
            kedge::async_sleep(executor_, some_time(), std::move(cancel));
        }
        const auto slot = cancels_ ? signal_.slot() : asio::cancellation_slot();
        auto token = asio::bind_executor(executor_, asio::bind_cancellation_slot(slot, handler(shared_from_this())));
        if (coroutine_) pipeline_.async_call(sleeping_coroutine{this}, std::move(token));
        else pipeline_.async_call(sleeping_operation{this}, std::move(token));
    }

    /// Half the time about the limit of an attempt; else anything, so that also a slow machine sees all three ends.
    kedge::nanoseconds some_time() {
        return std::chrono::microseconds(random_() % 2 == 0 ? 950 + random_() % 100 : random_() % 2'000);
    }

    weather& weather_;
    const bool coroutine_;
    std::minstd_rand random_;
    const asio::any_io_executor executor_;
    const bool cancels_;
    asio::cancellation_signal signal_;
    int number_ = 0;
    kedge::pipeline<asio::io_context::executor_type, kedge::total_timeout, kedge::retry, kedge::circuit_breaker,
                    kedge::concurrency_limit, kedge::timeout>
        pipeline_;
};

void start_callers(weather& w) {
    for (unsigned i = 0; i < 16; ++i) std::make_shared<caller>(w, i)->post_next();
}

void run_on_four_threads(asio::io_context& io) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&io] { io.run(); });
    for (auto& t : threads) t.join();
}

}  // namespace

TEST_CASE("result, expiry and cancellation meet on four threads: each call ends once", "[races][threads][tsan]") {
    constexpr int calls = 2'000;
    weather w(calls);
    start_callers(w);
    run_on_four_threads(w.io);
    CHECK(w.started == calls);
    CHECK(w.ended == calls);
    CHECK(w.destroyed == 0);
    CHECK(w.strange == 0);
    CHECK(w.limit.snapshot().in_flight == 0);
    CHECK(w.limit.snapshot().waiting == 0);
    INFO(w.succeeded << " succeeded, " << w.expired << " expired, " << w.cancelled << " were cancelled");
    CHECK((w.succeeded > 0 && w.expired > 0 && w.cancelled > 0));
}

TEST_CASE("a context is stopped and destroyed among the calls of four threads", "[races][threads][shutdown][tsan]") {
    for (int round = 0; round < 20; ++round) {
        weather w(1'000'000, 50 + 3 * round);
        start_callers(w);
        run_on_four_threads(w.io);
        w.context.reset();
        CHECK(w.ended + w.destroyed == w.started);
        CHECK(w.destroyed > 0);
        CHECK(w.limit.snapshot().in_flight == 0);
        CHECK(w.limit.snapshot().waiting == 0);
    }
}
