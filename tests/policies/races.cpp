// SPDX-License-Identifier: BSL-1.0
// Result, expiry and cancellation of a running attempt meet, in every order, wherever the call lives.

#include "../support/race.hpp"

#include <kedge/timer.hpp>

#include <string>

using namespace kedge_test;

namespace {

/// Queues the events in that order: `R`esult, `E`xpiry, `C`ancellation; the first of them decides how the call ends.
template <class Home> void meet(const std::string& order, error_code result, error_code expected, when_told does = {}) {
    INFO("in the order " << order << " with the result " << result.message());
    race<Home> r;
    r.op.on_cancel(does, result);
    r.start_as_a_probe();
    for (const char event : order) {
        if (event == 'R') r.queue_result(result);
        else if (event == 'E') r.queue_expiry();
        else r.queue_cancel();
    }
    CHECK(r.end() == expected);
    CHECK(r.op.attempts() == 1);
    CHECK(r.report.result == expected);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("result, expiry and cancellation are queued: a success is delivered in all six orders", "[races]",
                         every_home) {
    for (const char* order : {"REC", "RCE", "ERC", "ECR", "CRE", "CER"}) meet<TestType>(order, success, success);
}

TEMPLATE_LIST_TEST_CASE("result, expiry and cancellation are queued: a failure is never repeated in any order", "[races]",
                         every_home) {
    for (const char* order : {"RCE", "ECR", "CRE", "CER"}) meet<TestType>(order, lost, lost);
    meet<TestType>("ERC", lost, aborted);  // cancelled in the wait that followed
    meet<TestType>("REC", lost, aborted);  // the same, since the result had to wait for the expiry
}

TEMPLATE_LIST_TEST_CASE("an expiry is queued when the result arrives", "[races]", every_home) {
    for (const char* order : {"RE", "ER"}) meet<TestType>(order, success, success);
    for (const char* order : {"RE", "ER"}) {
        race<TestType> r;
        r.start();
        if (order[0] == 'R') r.queue_result(lost);
        r.queue_expiry();
        if (order[0] == 'E') r.queue_result(lost);
        r.steps.drain();
        CHECK(!r.ended());
        CHECK(r.op.told() == 0);  // what is over is left alone
        CHECK(r.tokens() == 9);
        r.queue_expiry();  // the wait
        r.steps.drain();
        r.queue_result(success);
        CHECK(r.end() == success);
        CHECK(r.op.attempts() == 2);
    }
}

TEMPLATE_LIST_TEST_CASE("a cancellation is queued when the result arrives", "[races]", every_home) {
    for (const char* order : {"RC", "CR"}) meet<TestType>(order, success, success);
    meet<TestType>("CR", lost, lost);
    meet<TestType>("RC", lost, aborted);
}

TEMPLATE_LIST_TEST_CASE("a cancellation is queued behind the expiry: timed out, and not repeated", "[races]", every_home) {
    meet<TestType>("EC", aborted, errc::timed_out, when_told::post_the_end);
    meet<TestType>("EC", success, success, when_told::post_the_end);
}

TEMPLATE_LIST_TEST_CASE("an expiry is queued behind the cancellation: aborted", "[races]", every_home) {
    meet<TestType>("CE", aborted, aborted, when_told::post_the_end);
    meet<TestType>("CE", success, success, when_told::post_the_end);
}

TEMPLATE_LIST_TEST_CASE("the operation ends inside the emission of its expiry", "[races]", every_home) {
    meet<TestType>("E", success, success, when_told::end_at_once);
    race<TestType> r;
    r.op.on_cancel(when_told::end_at_once);
    r.start();
    r.queue_expiry();
    r.steps.drain();
    CHECK(r.report.history[0].error == errc::timed_out);
    CHECK(!r.ended());
    r.queue_expiry();  // the wait
    r.steps.drain();
    r.queue_result(success);
    CHECK(r.end() == success);
}

TEMPLATE_LIST_TEST_CASE("the operation ends inside the emission of its caller", "[races]", every_home) {
    for (const char* order : {"C", "CE"}) {
        meet<TestType>(order, success, success, when_told::end_at_once);
        meet<TestType>(order, lost, lost, when_told::end_at_once);
        meet<TestType>(order, aborted, aborted, when_told::end_at_once);
    }
}

TEMPLATE_LIST_TEST_CASE("a second cancellation comes during the cleanup of the first", "[races]", every_home) {
    race<TestType> r;
    r.start_as_a_probe();
    for (const int times : {1, 2}) {
        r.queue_cancel();
        r.steps.drain();
        CHECK(r.op.told() == times);
        CHECK(!r.ended());
    }
    r.queue_expiry();
    r.queue_result(aborted);
    CHECK(r.end() == aborted);
}

TEMPLATE_LIST_TEST_CASE("cancelled during the initiation", "[races]", every_home) {
    race<TestType> r;
    r.on_start([&] { r.emit(); });  // before the operation has installed its slot
    if constexpr (TestType::by_coroutine) {  // which may hear of it before it begins
        r.op.on_cancel(when_told::post_the_end);
        r.start_as_a_probe();
        CHECK(r.end() == aborted);
        return;
    }
    SECTION("it ends when it hears of it") {
        r.op.on_cancel(when_told::post_the_end);
        r.start_as_a_probe();
        CHECK(r.end() == aborted);
    }
    SECTION("it ends inside the emission") {
        r.op.on_cancel(when_told::end_at_once);
        r.start_as_a_probe();
        CHECK(r.end() == aborted);
    }
    SECTION("it succeeds all the same") {
        r.start_as_a_probe();
        r.queue_result(success);
        CHECK(r.end() == success);
    }
    CHECK(r.op.attempts() == 1);
}

TEST_CASE("a coroutine that is cancelled before it begins remembers that", "[races]") {
    const std::uint64_t seed = GENERATE(range(1, 20));  // which of the two steps is the first
    kedge::testing::simulation sim(seed);
    asio::cancellation_signal signal;
    int ended = 0;
    auto body = [&]() -> asio::awaitable<void> {
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);  // hears nothing
        co_await kedge::async_sleep(sim, 1h, asio::use_awaitable);
    };
    const kedge::pipeline calls{sim, kedge::threading::one_thread{}};
    calls.async_call(body, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ++ended; }));
    signal.emit(asio::cancellation_type::terminal);
    sim.run_for(0s);
    CHECK(ended == 1);
}
