// SPDX-License-Identifier: BSL-1.0
// Borrow, use, return, hit by something between any two steps, and by a second blow soon after: in virtual time, so each
// failure comes again.

#include "blocking.hpp"
#include "leftover_bytes.hpp"
#include "scene.hpp"
#include "slow_drain.hpp"

#include <algorithm>

using namespace torture;

namespace {

/// False when the scene was over before step `at`.
template <class Connector> bool play(std::uint64_t seed, std::size_t at, blow first, std::size_t more, blow second) {
    INFO("seed " << seed << ", blow " << static_cast<int>(first) << " after step " << at << ", blow "
                 << static_cast<int>(second) << " " << more << " later");
    scene<Connector> s(seed);
    if (!s.run(at)) return false;
    s.hit(first);
    s.run(more);
    s.hit(second);
    s.end();
    return true;
}

}  // namespace

TEMPLATE_TEST_CASE("a blow after each step of borrowing, using and returning", "", slow_drain, leftover_bytes, blocking) {
    std::size_t most = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed)
        for (const blow b : all_blows) {
            std::size_t at = 0;
            while (play<TestType>(seed, at, b, 0, blow::none)) ++at;
            most = std::max(most, at);
        }
    CHECK(most > 10);  // or there was nothing to hit
}

TEMPLATE_TEST_CASE("two blows", "", slow_drain, leftover_bytes, blocking) {
    for (const blow first : all_blows)
        for (const blow second : all_blows)
            for (std::size_t more = 0; more < 8; more += 4)
                for (std::size_t at = 0; play<TestType>(7 + more, at, first, more, second); ++at) {}
}
