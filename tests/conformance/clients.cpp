// SPDX-License-Identifier: BSL-1.0
// The health monitor and the payment client, over a scripted provider.

#include "../support/conformance.hpp"

#include <kedge/health_monitor.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/testing/scripted_exchange.hpp>

using namespace kedge_test;

namespace {

struct monitored {
    struct check {
        monitored* w;
        template <class Token> auto operator()(Token&& token) const {
            return kedge::async_sleep(w->sim, w->takes, std::forward<Token>(token));
        }
    };

    kedge::testing::simulation sim;
    kedge::nanoseconds takes{0};
    kedge::health_monitor<kedge::testing::simulation::executor_type, check> monitor{sim, {}, check{this}};
};

struct shop {
    static kedge::payment_options options() {
        kedge::payment_options o;
        o.max_retries = 1;
        return o;
    }
    shop() {
        kedge::payment_client elsewhere{sim, options(), std::make_shared<kedge::payment::memory_journal>(), provider};
        payments.async_charge(request().key(key), [](const kedge::payment_result&) {});
        elsewhere.async_charge(request().key(other), [](const kedge::payment_result&) {});
        sim.run_for(1s);
    }

    static kedge::charge_request request() {
        return kedge::charge_request(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok"));
    }
    void charge(conformance_handler h) { payments.async_charge(request(), std::move(h)); }
    void refund(conformance_handler h) {
        const auto part = kedge::money::parse("5.00", "EUR");
        payments.async_refund(kedge::refund_request::of_key(key).amount(part), std::move(h));
    }
    void takes(kedge::nanoseconds time) { provider->latency(time); }

    kedge::testing::simulation sim;
    std::shared_ptr<kedge::testing::scripted_exchange> provider = std::make_shared<kedge::testing::scripted_exchange>(sim);
    std::shared_ptr<kedge::payment::memory_journal> journal = std::make_shared<kedge::payment::memory_journal>();
    kedge::payment_client payments{sim, options(), journal, provider};
    const kedge::idempotency_key key{"order-4711-2025-10-26"}, other{"order-4712-2025-10-26"};
};

}  // namespace

TEST_CASE("health_monitor conforms", "[conformance]") {
    using world = monitored;
    check_conformance<world>({
        .name = "async_check",
        .at_once = [](world& w, conformance_handler h) { w.monitor.async_check(std::move(h)); },
        .later = [](world& w, conformance_handler h) { w.takes = 1s, w.monitor.async_check(std::move(h)); },
    });
    check_conformance<world>({
        .name = "async_run, waiting",
        .later = [](world& w, conformance_handler h) { w.monitor.async_run(std::move(h)); },
        .endless = true,
    });
    check_conformance<world>({
        .name = "async_run, checking",
        .later = [](world& w, conformance_handler h) { w.takes = 1s, w.monitor.async_run(std::move(h)); },
        .endless = true,
    });
}

TEST_CASE("payment_client's calls conform", "[conformance]") {
    check_conformance<shop>({
        .name = "async_charge",
        .at_once = [](shop& w, conformance_handler h) { w.takes(1ns), w.charge(std::move(h)); },
        .later = [](shop& w, conformance_handler h) { w.takes(1s), w.charge(std::move(h)); },
        .between = [](shop& w, conformance_handler h) { w.provider->overloaded(1), w.charge(std::move(h)); },
        .promises = terminal_and_partial,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_charge, asking what became of it",
        .later = [](shop& w, conformance_handler h) { w.provider->resets(2, true), w.takes(1s), w.charge(std::move(h)); },
        .promises = terminal_and_partial,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_refund",
        .at_once = [](shop& w, conformance_handler h) { w.takes(1ns), w.refund(std::move(h)); },
        .later = [](shop& w, conformance_handler h) { w.takes(1s), w.refund(std::move(h)); },
        .between = [](shop& w, conformance_handler h) { w.provider->overloaded(1), w.refund(std::move(h)); },
        .promises = terminal_and_partial,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_reconcile",
        .at_once = [](shop& w, conformance_handler h) { w.payments.async_reconcile(w.key, std::move(h)); },  // the journal knows
        .later = [](shop& w, conformance_handler h) { w.takes(1s), w.payments.async_reconcile(w.other, std::move(h)); },
        .between = [](shop& w, conformance_handler h) {
            w.takes(1ms);
            w.provider->away(w.sim.now(), w.sim.now() + 10ms);
            w.payments.async_reconcile(w.other, std::move(h));
        },
        .promises = terminal_and_partial,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_status",
        .later = [](shop& w, conformance_handler h) { w.takes(1s), w.payments.async_status(w.key, std::move(h)); },
        .promises = terminal_and_partial,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_health",
        .later = [](shop& w, conformance_handler h) { w.takes(1s), w.payments.async_health(std::move(h)); },
        .promises = terminal_and_partial,
        .uses_memory = false,
    });
}

TEST_CASE("payment_client::async_run and async_shutdown conform", "[conformance]") {
    check_conformance<shop>({
        .name = "async_run, checking",
        .later = [](shop& w, conformance_handler h) { w.takes(1s), w.payments.async_run(std::move(h)); },
        .promises = terminal_and_partial,
        .endless = true,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_run, waiting",
        .later = [](shop& w, conformance_handler h) { w.takes(1ms), w.payments.async_run(std::move(h)); },
        .promises = terminal_and_partial,
        .endless = true,
        .uses_memory = false,
    });
    check_conformance<shop>({
        .name = "async_shutdown",
        .at_once = [](shop& w, conformance_handler h) { w.payments.async_shutdown(w.sim.now() + 9s, std::move(h)); },
        .later = [](shop& w, conformance_handler h) {
            w.takes(1s);
            w.payments.async_health([](error_code, const kedge::payment::health_report&) {});
            w.payments.async_status(w.key, [](const kedge::payment_result&) {});
            w.payments.async_shutdown(w.sim.now() + 9s, std::move(h));
        },
        .uses_memory = false,
    });
}
