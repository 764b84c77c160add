// SPDX-License-Identifier: BSL-1.0
// 500 histories of clients, restarts, customers and a provider behind a bad network, each decided by its seed. What must hold
// is in ledger_checker.hpp. A failure names its seed: KEDGE_SIM_SEED=42 plays that one alone. KEDGE_SIM_SEEDS=9000 plays more.
#include "../support/catch.hpp"

#include "simulated_customers.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

using namespace payment_test;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// What was wrong, and how it came about.
void tell(const payment_world& w) {
    for (const std::string& v : w.violations()) std::fprintf(stderr, "%s\n", v.c_str());
    for (const std::string& line : w.story()) std::fprintf(stderr, "    %s\n", line.c_str());
}

std::uint64_t play(std::uint64_t seed, testing::provider_counters* sum = nullptr) {
    payment_world w(seed);
    std::string wrong;
    try {
        w.play();
    } catch (const std::exception& e) {
        wrong = e.what();
    }
    if (wrong.empty() && !w.violations().empty()) wrong = w.violations().front();
    if (!wrong.empty()) {
        tell(w);
        FAIL("KEDGE_SIM_SEED=" << seed << ": " << wrong);
    }
    if (sum) {
        const testing::provider_counters& c = w.provider().counters();
        sum->requests += c.requests, sum->replayed += c.replayed, sum->busy += c.busy, sum->conflicts += c.conflicts;
        sum->lost += c.lost, sum->slow += c.slow, sum->duplicated += c.duplicated, sum->turned_away += c.turned_away;
        sum->crashed += c.crashed, sum->garbled += c.garbled, sum->pending += c.pending, sum->stale += c.stale;
    }
    return w.trace();
}

}  // namespace

TEST_CASE("whatever happens between client and provider, the outcome is true, and nobody pays twice") {
    if (const std::uint64_t one = from_environment("KEDGE_SIM_SEED", 0)) return void(play(one));
    testing::provider_counters c;
    const std::uint64_t last = from_environment("KEDGE_SIM_SEEDS", 500);
    for (std::uint64_t seed = 1; seed <= last; ++seed) (void)play(seed, &c);
    CHECK(c.conflicts == 0);  // the client has seen to that
    if (last < 500) return;
    for (const int often : {c.requests, c.replayed, c.busy, c.lost, c.slow, c.duplicated, c.turned_away, c.crashed, c.garbled,
                            c.pending, c.stale})
        CHECK(often > 100);
}

TEST_CASE("equal seeds play equal histories") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) CHECK(play(seed) == play(seed));
    CHECK(play(1) != play(2));
}
