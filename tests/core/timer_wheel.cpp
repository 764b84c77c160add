// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/core/timer_wheel.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace {

using kedge::timer_node;
using kedge::core::no_tick;
using kedge::core::timer_set;
using kedge::core::timer_wheel;

struct entry : timer_node {
    std::int64_t due = 0;
    bool armed = false;
};

/// The same verbs for both collections; a set takes the ticks as nanoseconds.
/// A wheel does not look at a tick twice: what was due before it was armed comes with the next one.
void arm(timer_wheel& t, entry& e, std::int64_t now) {
    t.arm(e, e.due, now);
    e.due = std::max(e.due, now);
}
void arm(timer_set& t, entry& e, std::int64_t) { t.arm(e, e.due); }

/// Random arming, cancelling and jumping, against a list that is searched.
template <class Timers> class model {
public:
    explicit model(std::uint64_t seed) : random_(seed) {}

    void play(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            switch (below(8)) {
            case 0: case 1: case 2: arm_one(); break;
            case 3: cancel_one(); break;
            case 4: advance(now_ + jump()); break;
            case 5: advance(std::max(now_, timers_.next_event() == no_tick ? now_ : timers_.next_event())); break;
            default: advance(now_ + below(3)); break;
            }
        }
        advance(now_ + (std::int64_t{1} << 40));
        CHECK(timers_.armed() == 0);
        CHECK(fired_ > 100);
    }

private:
    std::int64_t below(std::uint64_t n) { return static_cast<std::int64_t>(random_() % n); }
    std::int64_t jump() { return below(std::uint64_t{1} << below(34)); }

    void arm_one() {
        entry& e = entries_.emplace_back();
        e.due = now_ + jump() - below(4);
        e.armed = true;
        arm(timers_, e, now_ + 1);
        live_.push_back(&e);
    }

    void cancel_one() {
        if (live_.empty()) return;
        const auto at = static_cast<std::size_t>(below(live_.size()));
        entry& e = *live_[at];
        live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(at));
        e.armed = false;
        REQUIRE(timers_.cancel(e));
        REQUIRE_FALSE(timers_.cancel(e));
    }

    /// Exactly what the list says is due comes out; nothing earlier than `next_event` said.
    void advance(std::int64_t to) {
        const std::int64_t promised = timers_.next_event();
        const auto armed_before = static_cast<std::size_t>(
            std::count_if(live_.begin(), live_.end(), [&](const entry* e) { return e->due <= to; }));
        timers_.advance(to);
        std::size_t came = 0;
        while (timer_node* const n = timers_.pop_due()) {
            auto& e = static_cast<entry&>(*n);
            REQUIRE(e.armed);
            REQUIRE(e.due <= to);
            REQUIRE(promised <= to);
            REQUIRE_FALSE(timers_.cancel(e));
            e.armed = false;
            ++came;
        }
        REQUIRE(came == armed_before);
        std::erase_if(live_, [](const entry* e) { return !e->armed; });
        REQUIRE(timers_.armed() == live_.size());
        now_ = to;
        fired_ += came;
    }

    kedge::detail::splitmix random_;
    std::deque<entry> entries_;
    Timers timers_;
    std::vector<entry*> live_;
    std::int64_t now_ = 0;
    std::size_t fired_ = 0;
};

}  // namespace

TEST_CASE("a wheel fires what a searched list would fire", "[wheel]") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        model<timer_wheel>(seed).play(3000);
    }
}

TEST_CASE("an exact set fires what a searched list would fire", "[wheel]") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        model<timer_set>(seed).play(3000);
    }
}

TEST_CASE("each power of two ahead comes at its own tick", "[wheel]") {
    for (const std::int64_t start : {std::int64_t{0}, std::int64_t{63}, std::int64_t{64}, std::int64_t{262143}}) {
        for (int bits = 0; bits < 34; ++bits) {
            CAPTURE(start, bits);
            timer_wheel wheel;
            wheel.advance(start);
            entry e;
            e.due = start + 1 + (std::int64_t{1} << bits);
            wheel.arm(e, e.due, start + 1);
            int looks = 0;
            for (std::int64_t tick = wheel.next_event(); tick < e.due; tick = wheel.next_event(), ++looks) {
                wheel.advance(tick);
                REQUIRE(wheel.pop_due() == nullptr);
            }
            CHECK(wheel.next_event() == e.due);
            CHECK(looks <= (bits < 30 ? 4 : 24));  // an idle wheel is looked at once a level
            wheel.advance(e.due);
            CHECK(wheel.pop_due() == &e);
        }
    }
}

TEST_CASE("a due node can be cancelled until it is popped", "[wheel]") {
    timer_wheel wheel;
    entry a, b;
    wheel.arm(a, 5, 1);
    wheel.arm(b, 5, 1);
    wheel.advance(5);
    CHECK(wheel.has_due());
    CHECK(wheel.cancel(a));
    CHECK(wheel.pop_due() == &b);
    CHECK_FALSE(wheel.cancel(b));
    CHECK(wheel.armed() == 0);
}

TEST_CASE("equal times fire in the order of their arming", "[wheel]") {
    timer_set set;
    entry nodes[5];
    for (int i : {2, 0, 4}) set.arm(nodes[i], 7);
    set.arm(nodes[1], 6);
    set.advance(6);
    set.arm(nodes[3], 7);
    set.advance(7);
    for (int i : {1, 2, 0, 4, 3}) CHECK(set.pop_due() == &nodes[i]);
}

TEST_CASE("only nodes that ask for it are abandoned", "[wheel]") {
    timer_wheel wheel;
    entry stays, leaves;
    leaves.abandon = [](timer_node*) noexcept {};
    wheel.arm(stays, 1000, 1);
    wheel.arm(leaves, 1000, 1);
    wheel.abandon_all();
    CHECK(wheel.pop_abandoned() == &leaves);
    CHECK(wheel.pop_abandoned() == nullptr);
    CHECK(wheel.cancel(stays));
    CHECK_FALSE(wheel.cancel(leaves));
}
