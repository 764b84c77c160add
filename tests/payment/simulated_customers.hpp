// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "simulated_process.hpp"

#include <kedge/testing/recording_sink.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>

#include <array>
#include <deque>
#include <optional>
#include <set>

// What people and their services do with a payment client, drawn from the seed.

namespace payment_test {

/// One thing that somebody pays, or gets back: asked about, sent again, given up, found again after a restart.
struct purchase {
    std::string reference, token;
    money amount;
    std::optional<idempotency_key> refund_of{};
    bool all_of_it = false;                ///< a refund that names no amount
    std::optional<idempotency_key> key{};  ///< given, or learned from a result or the journal
    std::optional<outcome> last{};
    int under_way = 0, steps = 0;
    bool reconciled = false;

    bool decided() const noexcept { return last == outcome::succeeded || last == outcome::declined; }
};

class payment_world {
public:
    explicit payment_world(std::uint64_t seed) : world_(seed) {
        world_.provider->suffer(draw_faults());
        if (chance().chance(0.3)) world_.journal_fails = 0.1;
        world_.journal_takes = chance().between({}, 50ms);
        options_.sink = sink_;
        options_.on_event = log::event_recorder(world_.sim, sink_);
        options_.api_key = std::string("sk_canary_live");
        options_.max_retries = static_cast<int>(chance().below(6));
        options_.attempt_timeout = chance().between(100ms, 8s);
        options_.total_timeout = options_.attempt_timeout + chance().between(1ms, 30s);
        options_.breaker_threshold = 1 + static_cast<int>(chance().below(10));
        start_process();
    }
    ~payment_world() {
        if (!process_->ended()) process_->kill();
    }

    /// Two minutes in which everything may go wrong, ten in which nothing does, a night for some, and the rest until all is
    /// decided.
    void play() {
        for (std::uint64_t n = 6 + chance().below(15); n != 0; --n) customer(static_cast<int>(n));
        for (std::uint64_t n = chance().below(3); n != 0; --n)
            async_sleep(sim(), chance().between(1s, 120s), [this](error_code) { stop(); });
        sim().run_for(2min);
        world_.provider->heal();
        world_.journal_fails = 0;
        sim().run_for(10min);
        if (chance().chance(0.3)) come_back_tomorrow();
        for (std::size_t i = 0; i < purchases_.size(); ++i) settle(purchases_[i]);
        reconcile_open_intents();
        sim().run();
        world_.checker.finally();
        for (const testing::recorded& r : sink_->records()) scan(r);
    }

    const std::vector<std::string>& violations() const noexcept { return world_.checker.violations(); }
    const std::deque<std::string>& story() const noexcept { return story_; }
    std::uint64_t trace() const noexcept { return world_.sim.trace(); }
    const testing::simulated_provider& provider() const noexcept { return *world_.provider; }

private:
    testing::simulation& sim() noexcept { return world_.sim; }
    dice& chance() noexcept { return world_.chance; }

    testing::provider_faults draw_faults() {
        const auto draw = [&](double most) {
            return chance().chance(0.5) ? 0 : most * static_cast<double>(chance().below(1000)) / 1000;
        };
        return {.lost = draw(0.5), .slow = draw(0.4), .duplicated = draw(0.5), .turned_away = draw(0.5), .crashed = draw(0.2),
                .garbled = draw(0.5), .pending = draw(0.5), .stale = draw(0.8)};
    }

    void start_process() { process_ = std::make_shared<process>(world_, ++processes_, options_); }

    /// It may have some seconds to end what it has begun.
    void stop() {
        if (chance().chance(0.5)) return restart();
        tell("shutdown");
        process_->client().async_shutdown(sim().now() + chance().between({}, 10s), [this, on = process_](error_code) {
            if (!on->ended()) restart();
        });
    }

    void restart() {
        tell("restart");
        process_->kill();
        start_process();
        for (purchase& p : purchases_) {
            if (std::exchange(p.under_way, 0) == 0) continue;
            for (const payment::intent& i : world_.disk.open_intents())
                if (i.reference == p.reference) p.key = i.key;
            if (p.key) later(p);  // else its key is lost, and charging again might be charging twice
        }
    }

    void customer(int n) {
        static const std::array amounts{money::parse("19.90", "EUR"), money::parse("500", "JPY"), money::parse("1.234", "BHD"),
                                        money::parse("0.01", "USD"), money::parse("92233720368547758.07", "EUR")};
        purchase& p = purchases_.emplace_back(purchase{
            .reference = "canary-order-" + std::to_string(n),
            .token = chance().chance(0.15) ? "tok_declined_canary" : "tok_canary",
            .amount = amounts[chance().below(amounts.size())]});
        if (chance().chance(0.5)) p.key = idempotency_key("key-of-the-order-" + std::to_string(n));
        world_.checker.intends(p.reference, p.amount);
        later(p, 60s);
    }

    void later(purchase& p, nanoseconds at_most = 20s) {
        async_sleep(sim(), chance().between({}, at_most), [this, &p](error_code) { act(p); });
    }

    /// The next thing that somebody does about it.
    void act(purchase& p) {
        if (p.under_way > 0 || ++p.steps > 8) return;
        const std::uint64_t choice = chance().below(10);
        if (!p.last) {
            send(p, draw_call());
            if (p.key && choice == 0) send(p, draw_call());  // a second click
        } else if (p.decided()) {
            if (choice < 3) send(p, draw_call());
            else if (choice < 7) refund(p);
        } else if (choice < 5) {
            send(p, draw_call());
        } else if (choice < 7) {
            ask(p);
        } else if (choice < 9) {
            reconcile(p, {.deadline = sim().now() + chance().between({}, 2min)});
        }
    }

    void refund(const purchase& of) {
        if (of.last != outcome::succeeded || of.refund_of || refunds_.contains(of.reference)) return;
        refunds_.insert(of.reference);
        purchase& p = purchases_.emplace_back(purchase{.reference = "canary-refund-of-" + of.reference.substr(7), .token = {},
                                                       .amount = of.amount, .refund_of = of.key});
        p.all_of_it = chance().chance(0.5);
        if (!p.all_of_it) p.amount = money::from_minor(of.amount.minor() - of.amount.minor() / 2, of.amount.in());
        if (chance().chance(0.5)) p.key = idempotency_key("key-of-the-refund-" + std::to_string(purchases_.size()));
        world_.checker.intends(p.reference, p.amount, !p.all_of_it);
        later(p);
    }

    void send(purchase& p, call c) {
        world_.checker.calls(process_->number(), p.reference);
        ++p.under_way;
        auto done = [this, &p, on = process_](payment_result r) {
            if (on->ended()) return;
            world_.checker.told(on->number(), p.reference, r);
            const bool was_busy = r.error() == payment::errc::key_in_use;
            if (!was_busy || !p.last) p.last = r.outcome();
            heard(p, p.refund_of ? "refund" : "charge", r);
        };
        auto cancellable = boost::asio::bind_cancellation_slot(slot(), std::move(done));
        if (p.refund_of) process_->client().async_refund(refund_of(p), c, std::move(cancellable));
        else process_->client().async_charge(charge_of(p), c, std::move(cancellable));
    }

    static charge_request charge_of(const purchase& p) {
        charge_request named = charge_request(p.amount, card_token(p.token)).reference(p.reference);
        return p.key ? std::move(named).key(*p.key) : std::move(named);
    }
    static refund_request refund_of(const purchase& p) {
        refund_request named = refund_request::of_key(*p.refund_of).reference(p.reference);
        refund_request keyed = p.key ? std::move(named).key(*p.key) : std::move(named);
        return p.all_of_it ? std::move(keyed) : std::move(keyed).amount(p.amount);
    }

    void ask(purchase& p) {
        ++p.under_way;
        auto done = [this, &p, on = process_](payment_result r) {
            if (on->ended()) return;
            world_.checker.told_by_reading(p.reference, r);
            heard(p, "status", r);
        };
        process_->client().async_status(*p.key, draw_call(), boost::asio::bind_cancellation_slot(slot(), done));
    }

    void reconcile(purchase& p, call c) {
        ++p.under_way;
        auto done = [this, &p, on = process_](payment_result r) {
            if (on->ended()) return;
            world_.checker.told_by_reconciling(p.reference, r);
            if (r.outcome() != outcome::unknown) p.last = r.outcome();
            heard(p, "reconciliation", r);
        };
        process_->client().async_reconcile(*p.key, c, boost::asio::bind_cancellation_slot(slot(), done));
    }

    void heard(purchase& p, const char* of, const payment_result& r) {
        --p.under_way;
        p.key = r.key();
        tell(std::string(of) + " of " + p.reference.substr(7) + ": " + to_string(r));
        world_.checker.scan(to_string(r) + to_string(r.report()) + r.error().message() + r.provider_id());
        world_.checker.scan(r.report().said.text());
        later(p);
    }

    call draw_call() {
        call c;
        if (chance().chance(0.3)) c.deadline = sim().now() + chance().between({}, 15s);
        if (chance().chance(0.1)) c.repeating = repeat::forbidden;
        return c;
    }

    /// That of a signal which may be emitted at any moment, or never.
    boost::asio::cancellation_slot slot() {
        using boost::asio::cancellation_type;
        boost::asio::cancellation_signal& signal = signals_.emplace_back();
        static constexpr std::array how{cancellation_type::terminal, cancellation_type::partial, cancellation_type::total};
        if (healed_ || !chance().chance(0.3)) return signal.slot();
        auto emit = [&signal, on = process_, type = how[chance().below(how.size())]](error_code) {
            if (!on->ended()) signal.emit(type);
        };
        async_sleep(sim(), chance().between({}, 10s), std::move(emit));
        return signal.slot();
    }

    /// When the provider may have forgotten the keys, or will soon have.
    void come_back_tomorrow() {
        healed_ = true;
        sim().run_for(chance().between(20h, 27h));
        for (std::size_t i = 0; i < purchases_.size(); ++i)
            if (purchases_[i].key && !purchases_[i].decided()) send(purchases_[i], {});
        sim().run_until([&] { return nobody_waits(); });
    }

    bool nobody_waits() const {
        return std::ranges::all_of(purchases_, [](const purchase& p) { return p.under_way == 0; });
    }

    /// Too old for the provider to know: who is to find out is a person.
    bool is_past_finding_out(const std::string& reference) {
        const auto oldest = runtime::of(sim().get_executor()).wall_now() - key_life;
        return std::ranges::any_of(world_.disk.open_intents(), [&](const payment::intent& open) {
            return open.reference == reference && open.made <= oldest;
        });
    }

    /// Liveness: what somebody has tried is decided in the end, by reconciliation or by sending it again.
    void settle(purchase& p) {
        healed_ = true;
        p.steps = 8;  // nothing of its own accord any more
        const auto is_settled = [&] { return p.decided() || (p.last == outcome::not_sent && p.reconciled); };
        const auto is_over = [&] { return is_settled() || is_past_finding_out(p.reference); };
        for (int i = 0; p.key && !is_over() && i < 20; ++i) {
            p.reconciled = i % 2 == 0;
            if (p.reconciled) reconcile(p, {.deadline = sim().now() + 1min});  // longer only where the journal knows nothing
            else send(p, {});
            sim().run_until([&] { return p.under_way == 0; });
            sim().run_for(30s);
        }
        if (p.key && !is_over()) world_.checker.violated("L", p.reference + " is not settled when all is well again");
    }

    /// What a service does after a start: nobody waits for these any more.
    void reconcile_open_intents() {
        for (const payment::intent& open : world_.disk.open_intents())
            for (purchase& p : purchases_)
                if (p.reference == open.reference) p.key = open.key, reconcile(p, {.deadline = sim().now() + 1min});
        sim().run_until([&] { return nobody_waits(); });
        for (const payment::intent& open : world_.disk.open_intents())
            if (!is_past_finding_out(open.reference))
                world_.checker.violated("L", open.reference + " is still open in the journal");
    }

    void scan(const testing::recorded& r) {
        world_.checker.scan(r.message + r.exception + r.source_line + r.logger + r.error.message());
        for (const auto& [name, value] : r.fields)
            if (const auto* const text = std::get_if<std::string>(&value)) world_.checker.scan(*text);
    }

    void tell(const std::string& what) {
        if (story_.size() == 60) story_.pop_front();
        story_.push_back(to_string(sim().elapsed()) + "  " + what);
    }

    surroundings world_;
    std::deque<boost::asio::cancellation_signal> signals_;
    std::deque<purchase> purchases_;
    std::set<std::string> refunds_;
    std::deque<std::string> story_;
    std::shared_ptr<testing::recording_sink> sink_ = std::make_shared<testing::recording_sink>();
    payment_options options_;
    std::shared_ptr<process> process_;
    int processes_ = 0;
    bool healed_ = false;
};

}  // namespace payment_test
