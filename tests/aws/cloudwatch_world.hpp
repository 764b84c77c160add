// SPDX-License-Identifier: BSL-1.0
#pragma once
// A sink, the transport that it has in a program, and a service on loopback. Its accounts are looked at after each step.
#include "../support/catch.hpp"
#include "cloudwatch_service.hpp"
#include "skipping_runtime.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/aws/https_log_transport.hpp>
#include <kedge/log/memory_sink.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aws_test {

using namespace kedge;
using namespace std::chrono_literals;

/// Has the next keys when it is asked to refresh, as often as there are any.
class scripted_keys final : public aws::credentials_provider {
public:
    scripted_keys(boost::asio::io_context& io, std::vector<service_keys> all) : io_(io), all_(std::move(all)) {}

    void get(aws::credentials_handler done) override { answer(0, std::move(done)); }
    void refresh(aws::credentials_handler done) override {
        const bool more = at_ + 1 < all_.size();
        answer(more ? ++at_ : all_.size(), std::move(done));
    }

private:
    void answer(std::size_t at, aws::credentials_handler done) {
        aws::credentials_answer out;
        at = std::max(at, at_);
        if (at < all_.size()) {
            const service_keys& k = all_[at];
            out.keys = std::make_shared<aws::credentials>(k.id, secret<std::string>(k.secret), secret<std::string>(k.token));
        }
        kedge::detail::post_to(io_.get_executor(), [done = std::move(done), out]() mutable { done(out); });
    }

    boost::asio::io_context& io_;
    std::vector<service_keys> all_;
    std::size_t at_ = 0;
};

/// Tells what is under way, and when it left.
class watched_transport final : public aws::log_transport, public std::enable_shared_from_this<watched_transport> {
public:
    watched_transport(runtime& clock, std::shared_ptr<aws::log_transport> real) : clock_(clock), real_(std::move(real)) {}

    void start(aws::log_request what, aws::log_response_handler done) override {
        ++under_way;
        left.push_back(clock_.now());
        real_->start(std::move(what), [self = shared_from_this(), done = std::move(done)](aws::log_response said) mutable {
            done(std::move(said));
            --self->under_way;
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()> renewed) override {
        real_->refresh_credentials(std::move(renewed));
    }

    std::atomic<int> under_way{0};
    std::vector<time_point> left;

private:
    runtime& clock_;
    const std::shared_ptr<aws::log_transport> real_;
};

/// How the sink gets to the service.
struct route {
    bool tls = false;
    http::tls_options trust{};
    /// In place of those that the test lists.
    std::function<std::shared_ptr<aws::credentials_provider>(boost::asio::io_context&)> keys{};
    /// Whether the servers that these ask have nothing to do either.
    std::function<bool()> others_quiet{};
};

class cloudwatch_world {
public:
    explicit cloudwatch_world(aws::cloudwatch_options o = {}, std::vector<service_keys> keys = {{}}, route how = {})
        : service({}, "eu-central-1", how.tls), others_quiet_(std::move(how.others_quiet)) {
        if (!keys.front().token.empty()) service.admit(keys.front());
        clock_ = new skipping_runtime(io);
        boost::asio::add_service(io, clock_);
        const auto source = how.keys ? how.keys(io) : std::make_shared<scripted_keys>(io, std::move(keys));
        const aws::endpoint_options where{.region = service.region(), .url = service.url(), .plain_loopback = true};
        const auto real = aws::https_transport(io, {.where = where, .keys = source, .tls = std::move(how.trust)});
        way = std::make_shared<watched_transport>(*clock_, real);
        o.group = "shop", o.stream = "web-1", o.fallback = console;
        o.format = [](const log::record& what, std::string& out) { out += what.message; };
        most_bytes_ = o.max_bytes;
        sink.emplace(io, std::move(o), way);
    }

    void write(std::string_view text, std::chrono::milliseconds ahead = 0ms, log::level severity = log::level::info) {
        log::record what;
        what.time = clock_->wall_now() + ahead;
        what.severity = severity;
        what.message = text;
        log::submit(*sink, what);
        look();
    }
    /// An event for each digit.
    void write_digits(std::string_view digits) {
        for (const char& digit : digits) write({&digit, 1});
    }

    template <class Predicate> void run_until(Predicate done) {
        const time_point start = now();
        while (!done()) {
            REQUIRE(now() - start < 2h);
            step();
        }
    }
    void deliver() {
        sink->flush();
        run_until([this] { return sink->delivery().pending == 0; });
        finish();
    }
    aws::delivery_accounting shut_down(nanoseconds within) {
        std::optional<aws::delivery_accounting> books;
        sink->async_shutdown(clock_->now() + within, [&](aws::delivery_accounting b) { books = b; });
        run_until([&] { return books.has_value(); });
        CHECK(*books == sink->delivery().accounting());
        return *books;
    }
    time_point now() const { return clock_->now(); }

    /// The texts in the stream, one after the other.
    std::string stored() const {
        std::string out;
        for (const stored_event& e : service.stored("shop", "web-1")) out += e.text;
        return out;
    }
    /// The requests of one kind.
    std::vector<heard_request> heard(const std::string& operation) const {
        std::vector<heard_request> out = service.heard();
        std::erase_if(out, [&](const heard_request& one) { return one.operation != operation; });
        return out;
    }

    cloudwatch_service service;
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    boost::asio::io_context io;
    std::shared_ptr<watched_transport> way;
    std::optional<aws::cloudwatch_sink> sink;

private:
    /// Whatever can happen next. Time is left out while nobody is at work on either side.
    void step() {
        const bool quiet = all_quiet();
        if (io.poll_one() == 0 && !clock_->fire_due()) {
            const bool pausing = way->under_way == 0 && !others_quiet_;
            if (!pausing && (io.run_one_for(2ms) > 0 || !quiet || !all_quiet())) return look();
            REQUIRE(clock_->skip());
        }
        look();
    }
    bool all_quiet() const { return service.quiet() && (!others_quiet_ || others_quiet_()); }
    /// The answers that are on their way to the sink have come.
    void finish() {
        run_until([this] { return way->under_way == 0; });
    }

    void look() {
        const aws::delivery_counters c = sink->delivery();
        const bool right = c.accounting().balanced() && c.acked <= service.stored_count() && c.most_bytes <= most_bytes_;
        if (right) return;
        CHECK(c.accounting().balanced());
        CHECK(c.acked <= service.stored_count());
        CHECK(c.most_bytes <= most_bytes_);
    }

    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ = boost::asio::make_work_guard(io);
    const std::function<bool()> others_quiet_;
    skipping_runtime* clock_ = nullptr;
    std::size_t most_bytes_ = 0;
};

}  // namespace aws_test
