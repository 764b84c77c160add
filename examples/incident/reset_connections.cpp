// SPDX-License-Identifier: BSL-1.0
// For a minute the payment service resets every connection, while twenty customers a second pay.

#include "story.hpp"
#include "traffic.hpp"

#include <kedge/circuit_breaker.hpp>
#include <kedge/standard.hpp>

namespace incident {

namespace {

constexpr int customers_in_all = 2400;  // one minute of outage, one minute after it
constexpr nanoseconds pause = 50ms;

struct minute {
    int requests = 0, errors = 0, refused_after = 0;
    nanoseconds closed_after{0};
};

template <class MakePipeline> minute play(story& s, MakePipeline policies) {
    simulation sim(s.seed(), deployment);
    scripted_service service(sim);
    const time_point start = sim.now(), back = start + 60s;
    service.resets_until = back;
    minute m;
    const auto pipeline = policies(sim, [&](const kedge::event& what) noexcept {
        const auto* change = std::get_if<kedge::breaker_changed>(&what);
        if (change && change->to == kedge::breaker_state::closed && sim.now() > back) m.closed_after = sim.now() - back;
    });
    customers(sim, service, pipeline, customers_in_all, pause, [&](int number, const kedge::error_code& error) {
        const bool during = number * pause < 60s;
        if (during) m.errors += error.failed();
        else m.refused_after += error.failed();
        if (during) m.requests = service.requests;
    });
    return m;
}

}  // namespace

void reset_connections(story& s) {
    s.title(3, "The service resets every connection for 60 s; 20 customers a second.");

    const minute bare = play(s, [](simulation& sim, auto) { return kedge::pipeline{sim}; });
    s.without(std::to_string(bare.errors) + " errors");
    s.check(bare.errors == 1200, "each of 1200 customers gets an error");

    const kedge::retry_options three{.base = 10ms, .cap = 10ms, .idempotent = true};
    const minute plain = play(s, [&](simulation& sim, auto) {
        return kedge::pipeline{sim, kedge::retry(three, kedge::retry_budget(1'000'000))};
    });
    s.without("with three plain retries about " + std::to_string(plain.requests) + " requests hit the sick service");
    s.check(plain.requests > 4700, "plain retries multiply the load by four");

    const minute kept = play(s, [](simulation& sim, auto listen) {
        return kedge::standard(sim, {.name = "payments", .idempotent = true, .on_event = listen});
    });
    s.with_kedge(std::to_string(kept.requests) + " requests hit it: open after 5 failures, then a probe now and then");
    s.the_price("closed again " + to_string(kept.closed_after) + " after the service was back; " +
                std::to_string(kept.refused_after) + " calls were refused in that time");
    s.check(kept.requests < 60, "the sick service is left alone");
    s.check(kept.closed_after > nanoseconds(0) && kept.closed_after < 66s, "closed within the longest open time");
}

}  // namespace incident
