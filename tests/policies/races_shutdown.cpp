// SPDX-License-Identifier: BSL-1.0
// The context is destroyed while a call is in each of its states: the handler goes with it, once, and all is given back.

#include "../support/race.hpp"

#include <string>
#include <vector>

using namespace kedge_test;

namespace {

/// A call that is brought into a state, and then abandoned together with all that could come back to it.
template <class Home> struct abandoned_call : race<Home> {
    abandoned_call() : race<Home>(5s) {}

    void wait_for_a_place() {
        place = this->limit.try_acquire();
        this->start();
    }
    void fail_first() {
        this->start();
        this->queue_result(lost);
        this->steps.drain();
    }

    /// Queued `S`teps, the `O`peration with its handler, and the services of the context, the `T`imers among them. In
    /// small letters: the steps belong to a context that lives on, and are run.
    void destroy(const std::string& order) {
        const auto now = this->sim.now();
        const int attempts = this->op.attempts();
        for (const char part : order) {
            if (part == 'S') this->steps.clear();
            else if (part == 's') this->steps.drain();
            else if (part == 'O') this->op.abandon();
            else this->sim.shut_down();
        }
        this->steps.clear();  // a coroutine unwinds in a step of its own
        place = {};
        CHECK(this->alive.use_count() == 1);
        CHECK(this->op.attempts() == attempts);
        CHECK(this->limit.snapshot().in_flight == 0);
        CHECK(this->limit.snapshot().waiting == 0);
        CHECK(this->breaker.try_acquire(now));
        if (order.find('s') == order.npos) CHECK(!this->ended());
    }

    kedge::permit place;
};

/// Everything dies, in each order; and `more`, but a strand is a service, so that its steps cannot outlive the timers.
template <class Home> std::vector<std::string> orders(const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"SOT", "STO", "OST", "OTS", "TSO", "TOS"};
    for (const auto& order : more)
        if (!Home::by_coroutine || Home::one_thread || order[0] != 'T') all.push_back(order);
    return all;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("the context is destroyed while an attempt runs", "[races][shutdown]", every_home) {
    for (const auto& order : orders<TestType>({"OsT", "TsO", "TOs"})) {
        for (const std::string state : {"running", "cancelled", "expired", "both", "result queued", "all queued"}) {
            INFO(state << ", destroyed in the order " << order);
            abandoned_call<TestType> r;
            r.start_as_a_probe();
            if (state == "cancelled" || state == "both") r.queue_cancel();
            if (state == "expired" || state == "both") r.queue_expiry();
            r.steps.drain();
            CHECK(r.op.told() == (state == "both" ? 2 : state == "cancelled" || state == "expired"));
            if (state == "result queued" || state == "all queued") r.queue_result(success);
            if (state == "all queued") {
                r.queue_expiry();
                r.queue_cancel();
            }
            r.destroy(order);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("the context is destroyed before the step that follows a cancellation", "[races][shutdown]",
                        every_home) {
    for (const auto& order : orders<TestType>()) {
        INFO("destroyed in the order " << order);
        abandoned_call<TestType> r;
        r.start_as_a_probe();
        r.queue_cancel();
        r.steps.run_one();
        r.destroy(order);
    }
}

TEMPLATE_LIST_TEST_CASE("an operation loses its handler when it is told to stop", "[races][shutdown]", every_home) {
    for (const bool by_caller : {false, true}) {
        INFO((by_caller ? "cancelled" : "expired"));
        abandoned_call<TestType> r;
        r.op.on_cancel(when_told::lose_the_handler);
        r.start_as_a_probe();
        if (by_caller) r.queue_cancel();
        else r.queue_expiry();
        r.steps.drain();
        CHECK(r.op.told() == 1);
        r.destroy("");
    }
}

TEMPLATE_LIST_TEST_CASE("the context is destroyed while a call waits for its next attempt", "[races][shutdown]", every_home) {
    for (const auto& order : orders<TestType>()) {
        for (const std::string state : {"waiting", "its end queued", "cancelled, queued"}) {
            INFO(state << ", destroyed in the order " << order);
            abandoned_call<TestType> r;
            r.fail_first();
            if (state == "its end queued") r.queue_expiry();
            if (state == "cancelled, queued") r.emit();
            r.destroy(order);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("the context is destroyed while a call waits for a place", "[races][shutdown]", every_home) {
    for (const auto& order : orders<TestType>({"TsO", "TOs"})) {
        for (const std::string state : {"waiting", "granted, queued", "its time is over, queued", "cancelled, queued"}) {
            INFO(state << ", destroyed in the order " << order);
            abandoned_call<TestType> r;
            r.wait_for_a_place();
            CHECK(r.limit.snapshot().waiting == 1);
            if (state == "granted, queued") r.place = {};
            if (state == "its time is over, queued") r.queue_expiry(5s);
            if (state == "cancelled, queued") r.emit();
            r.destroy(order);
        }
    }
}
