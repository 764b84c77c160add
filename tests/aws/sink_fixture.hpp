// SPDX-License-Identifier: BSL-1.0
#pragma once
// A sink in the simulation, and a transport that answers as a script says.
#include "../support/catch.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aws_test {

using namespace kedge;
using namespace std::chrono_literals;
using aws::answer_kind;
using aws::detail::operation;

/// Answers after a time, as the script says, then with success.
class scripted_transport final : public aws::log_transport {
public:
    explicit scripted_transport(testing::simulation& ctx) : ctx_(ctx) {}

    void start(aws::log_request what, aws::log_response_handler done) override {
        requests.push_back({what.what, what.body, ctx_.elapsed()});
        aws::log_response response;
        response.answer.kind = answer_kind::accepted;
        if (!answers.empty()) response.answer = std::move(answers.front()), answers.erase(answers.begin());
        const std::int64_t now = aws::detail::milliseconds_of(runtime::of(ctx_.get_executor()).wall_now());
        if (response.answer.kind == answer_kind::accepted) response.clock = {now, now, now};
        response.body = std::move(what.body);
        if (silent) return void(held.push_back(std::move(done)));
        async_sleep(ctx_, latency, [done = std::move(done), response = std::move(response)](error_code) mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()> renewed) override {
        ++refreshes;
        async_sleep(ctx_, 10ms, [renewed = std::move(renewed)](error_code) mutable { renewed(); });
    }

    void expect(answer_kind kind, int times = 1) {
        aws::detail::service_answer answer;
        answer.kind = kind;
        while (times-- > 0) answers.push_back(answer);
    }

    struct seen {
        operation what;
        std::string body;
        nanoseconds at;
    };
    std::vector<seen> requests;
    std::vector<aws::detail::service_answer> answers;
    std::vector<aws::log_response_handler> held;
    nanoseconds latency = 20ms;
    int refreshes = 0;
    bool silent = false;

private:
    testing::simulation& ctx_;
};

inline const log::wall_time today{std::chrono::seconds(1'761'492'406)};

struct sink_fixture {
    testing::simulation ctx{1, today};
    std::shared_ptr<scripted_transport> transport = std::make_shared<scripted_transport>(ctx);
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    std::unique_ptr<aws::cloudwatch_sink> sink = make({});

    std::unique_ptr<aws::cloudwatch_sink> make(aws::cloudwatch_options o) {
        o.group = "shop", o.stream = "web-1", o.fallback = console;
        return std::make_unique<aws::cloudwatch_sink>(ctx, o, transport);
    }
    void write(std::string_view text, log::level severity = log::level::info) {
        log::record what;
        what.time = today;
        what.severity = severity;
        what.message = text;
        write(what);
    }
    void write(const log::record& what) {
        log::submit(*sink, what);
        CHECK(sink->delivery().accounting().balanced());
    }
    std::optional<aws::delivery_accounting> shut_down(nanoseconds within) {
        std::optional<aws::delivery_accounting> books;
        sink->async_shutdown(ctx.now() + within, [&](aws::delivery_accounting b) { books = b; });
        CHECK_FALSE(books);
        ctx.run();
        return books;
    }
};

}  // namespace aws_test
