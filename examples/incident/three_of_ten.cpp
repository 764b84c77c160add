// SPDX-License-Identifier: BSL-1.0
// Three of ten attempts fail, by a fixed pattern.

#include "story.hpp"
#include "traffic.hpp"

#include <kedge/standard.hpp>

#include <cstdio>

namespace incident {

namespace {

struct result {
    int succeeded = 0, requests = 0;
    double tokens = 0;
};

template <class MakePipeline> result play(story& s, MakePipeline policies) {
    simulation sim(s.seed(), deployment);
    scripted_service service(sim);
    service.fails_of_ten = 3;
    const kedge::retry_budget budget;
    const auto pipeline = policies(sim, budget);
    const int succeeded = customers(sim, service, pipeline, 200, 100ms).succeeded;
    return {succeeded, service.requests, budget.snapshot(sim.now()).tokens};
}

}  // namespace

void three_of_ten(story& s) {
    s.title(4, "Three of ten attempts fail. 200 payments.");

    const result bare = play(s, [](simulation& sim, const auto&) { return kedge::pipeline{sim}; });
    s.without(std::to_string(bare.succeeded) + " succeeded");
    s.check(bare.succeeded == 140, "seven of ten succeed");

    const result kept = play(s, [](simulation& sim, const kedge::retry_budget& budget) {
        return kedge::pipeline{sim, kedge::total_timeout{30s}, kedge::retry({.idempotent = true}, budget),
                               kedge::circuit_breaker{}, kedge::timeout{5s}};
    });
    char text[160];
    std::snprintf(text, sizeof text, "%d succeeded, %.2f attempts each; the retry budget has %.0f of 100 tokens left",
                  kept.succeeded, kept.requests / 200.0, kept.tokens);
    s.with_kedge(text);
    std::snprintf(text, sizeof text, "%d requests more than without", kept.requests - bare.requests);
    s.the_price(text);
    s.check(kept.succeeded >= 196, "at least 98 of 100 succeed");
    s.check(kept.requests < 320, "fewer than 1.6 attempts each");
}

}  // namespace incident
