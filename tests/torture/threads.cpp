// SPDX-License-Identifier: BSL-1.0
// A pool in a storm of four threads: whatever meets, connections have one user, are closed once, and nothing is left.
// KEDGE_TORTURE_SEEDS=n plays so many seeds instead of a few; KEDGE_TORTURE_FIRST=s begins with s.

#include "blocking.hpp"
#include "leftover_bytes.hpp"
#include "slow_drain.hpp"
#include "storm.hpp"

#include <cstdlib>
#include <tuple>

using namespace torture;

#if defined(KEDGE_TEST_THREAD_SANITIZER)
/// It goes on after a report, so this is the moment to say the seed.
extern "C" void __tsan_on_report(const void*) { say_what_is_playing(); }
#endif

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

plan plan_of(std::uint64_t seed) {
    return {seed, static_cast<ending>(seed % 3), seed / 3 % 2 == 1, seed / 6 % 2 == 1, 250};
}

}  // namespace

TEMPLATE_TEST_CASE("four threads torture a pool of", "[threads][tsan]", slow_drain, leftover_bytes, blocking) {
    const std::uint64_t first = number_from("KEDGE_TORTURE_FIRST", 0), count = number_from("KEDGE_TORTURE_SEEDS", 12);
    int lent = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) lent += storm<TestType>(plan_of(seed)).play();
    CHECK(lent > 0);
}
