// SPDX-License-Identifier: BSL-1.0
// When an outage is asked whether it is over.
#include "../support/catch.hpp"

#include <kedge/aws/detail/send_pace.hpp>

#include <algorithm>

using namespace kedge;
using namespace std::chrono_literals;
using aws::detail::send_pace;

namespace {

/// An endpoint that fails as soon as it is asked.
struct failing_endpoint {
    explicit failing_endpoint(std::uint64_t random) : random(random) {}

    /// @return the pause after the next failure
    nanoseconds fail() {
        now = std::max(now, pace.resume_at());
        pace.failed(pace.start(), now, random);
        return pace.resume_at() - now;
    }
    void fail_for(nanoseconds span) {
        for (const time_point until = now + span; now < until && failures < 1000; ++failures) fail();
    }
    nanoseconds took() const { return now - start; }

    const time_point start{1'000'000h};
    const std::uint64_t random;
    time_point now = start;
    send_pace pace{1};
    int failures = 0;
};

}  // namespace

TEST_CASE("probes come more rarely the longer an outage takes, and make it an eighth longer at most") {
    failing_endpoint endpoint(0);  // the longest pauses
    while (!endpoint.pace.outage()) endpoint.fail();
    int probes = 0;
    for (nanoseconds pause{0}, last{0}; pause < 30s; ++probes, last = pause) {
        pause = endpoint.fail();
        REQUIRE(pause >= last);
        REQUIRE(pause >= 1s);
        REQUIRE(pause <= std::max<nanoseconds>(endpoint.took() / 8, 1s));
    }
    CHECK(endpoint.took() >= 4min);
    CHECK(probes < 50);
    for (int i = 0; i < 10; ++i) CHECK(endpoint.fail() == 30s);
}

TEST_CASE("probes of many processes do not come together") {
    const nanoseconds most = 15s;
    failing_endpoint endpoint(static_cast<std::uint64_t>(most.count()));
    endpoint.fail_for(5min);
    CHECK(endpoint.fail() == 15s);  // half of the longest
}

TEST_CASE("each outage begins anew, and at the end of a program probes come every second") {
    failing_endpoint endpoint(0);
    endpoint.fail_for(10min);
    endpoint.pace.acked(endpoint.pace.start());
    CHECK_FALSE(endpoint.pace.outage());
    nanoseconds pause{0};
    while (!endpoint.pace.outage()) pause = endpoint.fail();
    CHECK(pause == 1s);
    endpoint.fail_for(5min);
    endpoint.pace.hurry(endpoint.now);
    CHECK(endpoint.pace.resume_at() <= endpoint.now);
    CHECK(endpoint.fail() == 1s);
}
