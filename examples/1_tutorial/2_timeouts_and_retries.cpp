// SPDX-License-Identifier: BSL-1.0
//
// Timeouts and retries, and the first two errors of the incident: "timeout after 5000ms" and its traceback. It all plays
// in virtual time, so that nobody waits; with an `asio::io_context` instead of the simulation it is the same program.

#include <kedge/log/console_sink.hpp>
#include <kedge/log/payment_error.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/error.hpp>

#include <cstdio>

#include "../expect.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using example::expect;

namespace {

/// A service that takes `answer_time` to answer.
struct service {
    kedge::testing::simulation& world;
    kedge::nanoseconds answer_time;
    int asked = 0;

    template <class Token> auto async_ask(Token&& token) {
        ++asked;
        return kedge::async_sleep(world, answer_time, std::forward<Token>(token));
    }
};

struct ending {
    error_code error;
    kedge::nanoseconds after{0};
};

/// Calls the service through `pipeline` and lets virtual time run until the call has ended.
template <class Pipeline> ending play(service& s, const Pipeline& pipeline, kedge::call c = {}) {
    ending end;
    const auto start = s.world.now();
    auto ask = [&s](auto&& token) { return s.async_ask(std::forward<decltype(token)>(token)); };
    pipeline.async_call(ask, c, [&](error_code ec) { end = {ec, s.world.now() - start}; });
    s.world.run();
    return end;
}

// The incident's payment timeout, in a few lines: a silent service, the limit of 5000 ms, the record.
void payment_timeout() {
    kedge::testing::simulation world;
    service silent{world, 1h};
    const kedge::nanoseconds limit = 5000ms;
    const ending end = play(silent, kedge::pipeline{world, kedge::timeout{limit}});
    kedge::log::console_sink console{stdout};
    kedge::log::payment_error(console, {.error = end.error, .limit = limit});
    expect(end.error == kedge::errc::timed_out && end.after == 5000ms, "timed out after 5000 ms, not a moment earlier");
}

void a_timeout_is_not_repeated_unasked() {
    kedge::testing::simulation world;
    service slow{world, 1h};
    kedge::call_report report;
    const kedge::pipeline careful{world, kedge::retry{}, kedge::timeout{1s}};
    play(slow, careful, {.report = &report});
    std::printf("%s\n", to_string(report).c_str());
    expect(slow.asked == 1, "it may have been executed, so it is not sent twice");

    play(slow, careful, {.report = &report, .repeating = kedge::repeat::harmless});
    std::printf("%s\n", to_string(report).c_str());
    expect(slow.asked == 1 + 4, "declared harmless: three retries, four attempts");
}

void the_whole_call_has_a_limit_too() {
    kedge::testing::simulation world;
    service slow{world, 1h};
    kedge::call_report report;
    const kedge::retry retry{{.spread = kedge::jitter::none, .idempotent = true}};
    const kedge::pipeline bounded{world, kedge::total_timeout{2500ms}, retry, kedge::timeout{1s}};
    const ending end = play(slow, bounded, {.report = &report});
    std::printf("%s\n", to_string(report).c_str());
    expect(end.error == kedge::errc::deadline_exceeded && end.after == 2500ms, "the third attempt got what was left");

    // A deadline of the caller, e.g. of the request that it serves, counts as well; the tighter one wins.
    const ending early = play(slow, bounded, {.deadline = world.now() + 300ms});
    expect(early.error == kedge::errc::deadline_exceeded && early.after == 300ms, "the caller's deadline is tighter");
}

}  // namespace

int main() {
    payment_timeout();
    a_timeout_is_not_repeated_unasked();
    the_whole_call_has_a_limit_too();
    return example::as_told ? 0 : 1;
}
