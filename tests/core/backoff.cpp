// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/backoff.hpp>

#include <limits>

using namespace std::chrono_literals;
using namespace kedge::core;
using kedge::jitter;
using kedge::kind;
using kedge::nanoseconds;

namespace {

constexpr std::uint64_t randoms[] = {0, 1, 999, 123'456'789, 0x9e37'79b9'7f4a'7c15, ~std::uint64_t{0}};

nanoseconds plain(int failed, kind why = kind::failure, nanoseconds hint = 0s) {
    return backoff({100ms, 2s, jitter::none}, failed, why, hint, 0);
}

}  // namespace

TEST_CASE("backoff: doubles up to the cap", "[backoff]") {
    const nanoseconds expected[] = {100ms, 200ms, 400ms, 800ms, 1600ms, 2s, 2s};
    for (int i = 0; i < 7; ++i) CHECK(plain(i + 1) == expected[i]);
}

TEST_CASE("backoff: overload starts at a second, within the cap", "[backoff]") {
    CHECK(plain(1, kind::overload) == 1s);
    CHECK(plain(2, kind::overload) == 2s);
    CHECK(plain(3, kind::overload) == 2s);
    CHECK(backoff({100ms, 500ms, jitter::none}, 1, kind::overload, 0s, 0) == 500ms);
    CHECK(backoff({3s, 9s, jitter::none}, 1, kind::overload, 0s, 0) == 3s);
}

TEST_CASE("backoff: saturates for every number of failures and every duration", "[backoff]") {
    for (const int failed : {-1, 0, 1, 62, 63, 64, 65, 1024, std::numeric_limits<int>::max()}) {
        for (const nanoseconds base :
             {nanoseconds(1), nanoseconds(100ms), nanoseconds::max() / 2, nanoseconds::max()}) {
            for (const nanoseconds hint : {nanoseconds(0s), nanoseconds::max() - 1ns, nanoseconds::max()}) {
                for (const auto random : randoms) {
                    const auto wait =
                        backoff({base, nanoseconds::max(), jitter::none}, failed, kind::failure, hint, random);
                    CHECK(wait >= base);
                    CHECK(wait >= hint);
                }
            }
        }
    }
}

TEST_CASE("backoff: jitter stays in its range and reaches both ends", "[backoff]") {
    nanoseconds least = nanoseconds::max(), most{0};
    for (std::uint64_t random = 0; random < 1000; ++random) {
        const auto full = jittered(99ns, jitter::full, random), equal = jittered(99ns, jitter::equal, random);
        least = std::min(least, full);
        most = std::max(most, full);
        CHECK(equal >= 50ns);
        CHECK(equal <= 99ns);
    }
    CHECK(least == 0ns);
    CHECK(most == 99ns);
    for (const auto random : randoms) CHECK(jittered(nanoseconds::max(), jitter::full, random) >= 0ns);
}

TEST_CASE("backoff: a server's hint is a lower bound, with jitter only upwards", "[backoff]") {
    for (const auto random : randoms) {
        const auto small = backoff({100ms, 2s, jitter::full}, 1, kind::overload, 3s, random);
        CHECK(small >= 3s);
        CHECK(small <= 3300ms);
        const auto large = backoff({100ms, 2s, jitter::full}, 1, kind::overload, 1min, random);
        CHECK(large >= 1min);
        CHECK(large <= 61s);
    }
    CHECK(plain(5, kind::failure, 1s) == 1600ms);  // already longer than the hint
}
