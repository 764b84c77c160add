// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "ledger_checker.hpp"

#include <kedge/log/events.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/testing/simulated_provider.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// A process that may end at any moment: what it had under way is gone, and what it had written to the journal is not.

namespace payment_test {

using namespace std::chrono_literals;

/// Chance of the workload, apart from that of the library.
class dice {
public:
    explicit dice(std::uint64_t seed) : draw_(kedge::detail::splitmix::mix(seed)) {}

    std::uint64_t below(std::uint64_t n) { return draw_() % n; }
    bool chance(double p) { return static_cast<double>(draw_() >> 11) * 0x1p-53 < p; }
    nanoseconds between(nanoseconds least, nanoseconds most) {
        return least + nanoseconds(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count() + 1))));
    }

private:
    kedge::detail::splitmix draw_;
};

/// What all processes of a run share, and outlives them.
struct surroundings {
    explicit surroundings(std::uint64_t seed)
        : sim(seed, std::chrono::sys_days{std::chrono::October / 26 / 2025}), chance(seed),
          provider(std::make_shared<testing::simulated_provider>(sim)), checker(sim, *provider) {}

    testing::simulation sim;
    dice chance;
    std::shared_ptr<testing::simulated_provider> provider;
    payment::memory_journal disk{};
    ledger_checker checker;
    double journal_fails = 0;
    nanoseconds journal_takes{0};
};

/// The process's connection to the provider. At its end whoever waits for an answer is gone, without a call.
class process_exchange final : public payment::exchange {
public:
    process_exchange(surroundings& w, int process) : world_(w), process_(process), life_(std::make_shared<int>()) {}

    void start(const payment::request& what, const attempt& of, payment::exchange_handler handler) override {
        if (!life_) return;
        world_.checker.sends(process_, what);
        const int number = ++number_;
        waiting& w = waiting_.try_emplace(number, std::move(handler)).first->second;
        if (auto slot = w.next.get_cancellation_slot(); slot.is_connected())
            slot.assign([this, life = std::weak_ptr(life_), number](boost::asio::cancellation_type how) {
                if (const auto at = waiting_.find(number); !life.expired() && at != waiting_.end()) at->second.stop.emit(how);
            });
        const relay back{this, life_, number, what, w.stop.slot()};
        world_.provider->start(what, of, payment::exchange_handler(back, world_.sim.get_executor()));
    }

    void end() {
        life_.reset();
        for (auto& [number, w] : waiting_) {
            if (auto slot = w.next.get_cancellation_slot(); slot.is_connected()) slot.clear();
            w.stop.emit(boost::asio::cancellation_type::terminal);  // the connection breaks
        }
        const auto gone = std::exchange(waiting_, {});
    }

private:
    struct waiting {
        explicit waiting(payment::exchange_handler handler) : next(std::move(handler)) {}
        payment::exchange_handler next;
        boost::asio::cancellation_signal stop{};
    };

    /// Not on the waiting handler's executor, which ends with it.
    struct relay {
        process_exchange* to;
        std::weak_ptr<int> life;
        int number;
        payment::request what;

        using cancellation_slot_type = boost::asio::cancellation_slot;
        cancellation_slot_type slot;
        cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }

        void operator()(error_code ec, payment::response r, payment::send_phase phase) {
            if (life.expired()) return;
            const auto entry = to->waiting_.extract(number);
            payment::exchange_handler next = std::move(entry.mapped().next);
            if (auto s = next.get_cancellation_slot(); s.is_connected()) s.clear();
            to->world_.checker.hears(to->process_, what, ec, r, phase);
            const auto ex = next.get_executor();
            auto answer = [next = std::move(next), ec, r = std::move(r), phase]() mutable { next(ec, std::move(r), phase); };
            boost::asio::post(ex, std::move(answer));
        }
    };

    surroundings& world_;
    int process_;
    std::shared_ptr<int> life_;
    int number_ = 0;
    std::map<int, waiting> waiting_;
};

/// The process's way to the journal on disk: takes its time, fails before or after it has written, and ends with the process.
class process_journal final : public payment::journal, public std::enable_shared_from_this<process_journal> {
public:
    explicit process_journal(surroundings& w) : world_(w) {}

    void begin(const payment::intent& what, begin_handler handler) override {
        later([this, what, handler = std::move(handler)]() mutable {
            const bool fails = world_.chance.chance(world_.journal_fails), writes = !fails || world_.chance.chance(0.5);
            error_code ec;
            payment::standing before;
            const auto keep = [&](error_code e, payment::standing s) { ec = e, before = std::move(s); };
            if (writes) world_.disk.begin(what, keep);
            if (writes && !ec) world_.checker.writes_intent(what.reference, before.outcome);
            if (fails && writes) world_.checker.in_doubt(what.reference);
            if (fails) ec = boost::asio::error::no_buffer_space, before = {};
            later([this, ec, what, before = std::move(before), handler = std::move(handler)]() mutable {
                if (!ec) world_.checker.recorded(what.reference);
                handler(ec, std::move(before));
            });
        });
    }

    void settle(const payment::settlement& how, settle_handler handler) override {
        later([this, how, handler = std::move(handler)]() mutable {
            error_code ec;
            const bool fails = world_.chance.chance(world_.journal_fails), writes = !fails || world_.chance.chance(0.5);
            if (fails) ec = boost::asio::error::no_buffer_space;
            world_.disk.find(how.key, [&](error_code, const std::optional<payment::entry>& known) {
                if (!known) return world_.checker.violated("M14", how.key.text() + " is settled and was never begun");
                if (writes) world_.checker.writes_settlement(known->what.reference, how.outcome);
                if (fails) world_.checker.in_doubt(known->what.reference);
            });
            if (writes) world_.disk.settle(how, [](error_code) {});
            later([ec, handler = std::move(handler)]() mutable { handler(ec); });
        });
    }

    void find(const idempotency_key& key, find_handler handler) const override {
        later([this, key, handler = std::move(handler)]() mutable {
            if (world_.chance.chance(world_.journal_fails)) return handler(boost::asio::error::no_buffer_space, {});
            world_.disk.find(key, std::move(handler));
        });
    }

    std::vector<payment::intent> open_intents() const override { return world_.disk.open_intents(); }

    void end() { ended_ = true; }

private:
    template <class F> void later(F f) const {
        auto next = [self = shared_from_this(), f = std::move(f)](error_code) mutable {
            if (!self->ended_) f();
        };
        async_sleep(world_.sim, world_.chance.between({}, world_.journal_takes), std::move(next));
    }

    surroundings& world_;
    bool ended_ = false;
};

/// A service that runs until it is killed.
class process {
public:
    process(surroundings& w, int number, payment_options options)
        : number_(number), exchange_(std::make_shared<process_exchange>(w, number)),
          journal_(std::make_shared<process_journal>(w)), world_(w), client_(w.sim, options, journal_, exchange_) {}

    int number() const noexcept { return number_; }
    bool ended() const noexcept { return ended_; }
    payment_client& client() noexcept { return client_; }

    void kill() {
        ended_ = true;
        world_.checker.process_ends(number_);
        journal_->end();
        exchange_->end();
    }

private:
    const int number_;
    const std::shared_ptr<process_exchange> exchange_;
    const std::shared_ptr<process_journal> journal_;
    surroundings& world_;
    payment_client client_;
    bool ended_ = false;
};

}  // namespace payment_test
