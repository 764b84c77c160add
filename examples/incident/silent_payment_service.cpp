// SPDX-License-Identifier: BSL-1.0
// The payment service accepts requests and does not answer for twelve seconds.

#include "scripted_service.hpp"
#include "story.hpp"

#include <kedge/log/payment_error.hpp>
#include <kedge/standard.hpp>

#include <functional>

namespace incident {

namespace {

struct ending {
    kedge::error_code error;
    kedge::call_report report;
    int executions = 0;
};

/// One customer pays through `policies`.
template <class MakePipeline> ending pay(story& s, MakePipeline policies) {
    simulation sim(s.seed(), deployment);
    scripted_service service(sim);
    service.silent_until = sim.now() + 12s;
    const auto pipeline = policies(sim);
    ending end;
    std::function<asio::awaitable<void>()> charge = [&] { return service.charge("order-4711"); };
    auto customer = [&]() -> asio::awaitable<void> {
        try {
            co_await pipeline.async_call(charge, kedge::call{.report = &end.report}, asio::use_awaitable);
        } catch (const system_error& e) {
            end.error = e.code();
        }
    };
    asio::co_spawn(sim, customer, asio::detached);
    sim.run();
    for (const auto& [key, times] : service.charged) end.executions += times;
    return end;
}

}  // namespace

void silent_payment_service(story& s) {
    s.title(1, "The payment service falls silent for 12 s. A customer pays 19.90 EUR.");

    const ending before = pay(s, [](simulation& sim) { return kedge::pipeline{sim, kedge::timeout{5000ms}}; });
    kedge::log::payment_error(s.log(), {.error = before.error,
                                        .limit = 5000ms,
                                        .place = {"/app/payment_handler.py", 67, "process_payment"},
                                        .source_line = "response = payment_client.charge(amount)"});
    s.without("error after " + to_string(before.report.elapsed) + "; was the customer charged? unknown");
    s.check(before.error == kedge::errc::timed_out && before.report.elapsed == 5s, "the plain call times out after 5000 ms");

    const ending after = pay(s, [](simulation& sim) { return kedge::standard(sim, {.name = "payments", .idempotent = true}); });
    s.with_kedge("charged " + std::string(after.executions == 1 ? "once" : "NOT once") + ", " + to_string(after.report));
    s.the_price("the customer waits " + to_string(after.report.elapsed) + ", with the same key on all attempts");
    s.check(!after.error && after.executions == 1, "charged exactly once");
    s.check(after.report.attempts == 3 && after.report.elapsed >= 12s && after.report.elapsed < 13s, "on the third attempt");
}

}  // namespace incident
