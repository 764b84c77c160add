// SPDX-License-Identifier: BSL-1.0
// What may meet a call while it waits: for its next attempt, for a place in a queue, for the end of its time.

#include "../support/race.hpp"

#include <string>

using namespace kedge_test;

namespace {

/// A call that waits for its second attempt.
template <class Home> struct between_attempts : race<Home> {
    explicit between_attempts(kedge::nanoseconds total = 10s) : race<Home>(total) {
        this->start();
        this->queue_result(lost);
        this->steps.drain();
        CHECK(this->tokens() == 9);
    }
};

/// A call that waits for the only place of the limit.
template <class Home> struct in_the_queue : race<Home> {
    explicit in_the_queue(kedge::nanoseconds total = 10s) : race<Home>(total) {
        this->start();
        CHECK(this->limit.snapshot().waiting == 1);
    }
    void queue_grant() { place.neutral(); }

    kedge::permit place = this->limit.try_acquire();
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a cancellation between two attempts", "[races]", every_home) {
    between_attempts<TestType> r;
    r.op.on_cancel(when_told::post_the_end);
    SECTION("in the middle of the wait") {
        r.queue_cancel();
        CHECK(r.end() == aborted);
        CHECK(r.op.attempts() == 1);
        CHECK(r.tokens() == 10);
    }
    SECTION("in front of its end, which is queued") {
        r.queue_cancel();
        r.queue_expiry();
        CHECK(r.end() == aborted);
        CHECK(r.op.attempts() == 1);
    }
    SECTION("behind its end") {
        r.queue_expiry();
        r.queue_cancel();
        CHECK(r.end() == aborted);
        CHECK(r.op.attempts() == 2);
    }
    SECTION("twice") {
        r.queue_cancel();
        r.queue_cancel();
        CHECK(r.end() == aborted);
        CHECK(r.tokens() == 10);
    }
    SECTION("total: nobody can promise any more that nothing happened") {
        r.queue_cancel(asio::cancellation_type::total);
        r.steps.drain();
        CHECK(!r.ended());
        r.queue_expiry();
        r.steps.drain();
        r.queue_result(success);
        CHECK(r.end() == success);
    }
}

TEST_CASE("a retry that was made is paid for, also when it is cancelled", "[races][retry]") {
    between_attempts<at_a_lock> r;
    for (int i = 0; i < 4; ++i) r.budget.core().withdraw(r.sim.now());
    r.op.on_cancel(when_told::post_the_end);
    r.queue_expiry();  // one token comes back by itself
    r.queue_cancel();
    CHECK(r.end() == aborted);
    CHECK(r.op.attempts() == 2);
    CHECK(r.tokens() == 6);
}

TEMPLATE_LIST_TEST_CASE("a cancellation meets the grant of a place", "[races]", every_home) {
    in_the_queue<TestType> r;
    r.op.on_cancel(when_told::post_the_end);
    SECTION("before it") {
        r.queue_cancel();
        r.steps.drain();
        CHECK(r.ended());
        r.queue_grant();
        CHECK(r.op.attempts() == 0);
    }
    SECTION("in front of it, queued") {
        r.queue_cancel();
        r.queue_grant();
        CHECK(r.end() == aborted);
        CHECK(r.op.attempts() == 0);
    }
    SECTION("behind it, queued") {
        r.queue_grant();
        r.queue_cancel();
        CHECK(r.end() == aborted);
        CHECK(r.op.attempts() == 1);
    }
    CHECK(r.end() == aborted);
}

TEMPLATE_LIST_TEST_CASE("the end of the call's time meets the grant of a place", "[races]", every_home) {
    in_the_queue<TestType> r(2s);
    SECTION("before it") {
        r.queue_expiry(2s);
        r.steps.drain();
        r.queue_grant();
        CHECK(r.report.stopped_by == kedge::stage::limit);
    }
    SECTION("in front of it, queued") {
        r.queue_expiry(2s);
        r.queue_grant();
    }
    SECTION("behind it, queued") {
        r.queue_grant();
        r.queue_expiry(2s);
    }
    CHECK(r.end() == errc::deadline_too_short);
    CHECK(r.op.attempts() == 0);
}

TEMPLATE_LIST_TEST_CASE("the limits of the call and of its last attempt pass at the same moment", "[races]", every_home) {
    between_attempts<TestType> r(2s);
    r.op.on_cancel(when_told::post_the_end);
    r.queue_expiry();  // the wait
    r.steps.drain();
    SECTION("alone") { r.queue_expiry(); }
    SECTION("in front of a cancellation") {
        r.queue_expiry();
        r.queue_cancel();
    }
    CHECK(r.end() == errc::deadline_exceeded);
    CHECK(r.op.attempts() == 2);
}

TEMPLATE_LIST_TEST_CASE("the call's time is over when its wait is", "[races]", every_home) {
    between_attempts<TestType> r(1s + 2ms);  // time enough for the least attempt when the wait was decided
    r.queue_expiry(1s);
    r.sim.run_for(2ms);  // the context is busy
    CHECK(r.end() == lost);
    CHECK(r.op.attempts() == 1);
    CHECK(r.report.stopped_by == kedge::stage::total_timeout);
}
