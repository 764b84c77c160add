// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/health_monitor.hpp>
#include <kedge/log/detail/hourly_reminder.hpp>
#include <kedge/payment/impl/health_look.hpp>
#include <kedge/payment/impl/live_api_key.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace kedge::detail {

/// What an attempt hands to the policies: only how it was judged.
struct payment_reply {
    verdict judged{};
    bool decided = false;

    /// What a policy replaced (an attempt's limit passed) is judged by its code.
    friend verdict kedge_classify(const error_code& ec, const payment_reply& r) noexcept {
        return r.decided && ec.category() != kedge::category() ? r.judged : classify(ec);
    }
};

/// What a look of a reconciliation hands to the retry around it.
struct look_reply {
    verdict judged{};
    bool decided = false;

    friend verdict kedge_classify(const error_code& ec, const look_reply& r) noexcept {
        return r.decided ? r.judged : classify(ec);
    }
};

/// A journal answers once, on whatever thread. One that does so again, or throws afterwards, is not heard.
class first_answer {
public:
    template <class Step> void operator()(const boost::asio::any_io_executor& ex, Step step) const {
        if (before_->exchange(true)) return;
        try {
            boost::asio::post(ex, std::move(step));
        } catch (...) {
            *before_ = false;
            throw;
        }
    }

private:
    std::shared_ptr<std::atomic<bool>> before_ = std::make_shared<std::atomic<bool>>(false);
};

/// What the handles of a client and its running calls share. Its end ends what `async_run` started.
class payment_core {
public:
    using pipe_type = pipeline<boost::asio::any_io_executor, total_timeout, retry, circuit_breaker, concurrency_limit, timeout>;
    using patient_type = pipeline<boost::asio::any_io_executor, retry>;

    payment_core(boost::asio::any_io_executor ex, const payment_options& o, std::shared_ptr<payment::journal> j,
                 std::shared_ptr<payment::exchange> x)
        : options(o), journal(std::move(j)), exchange(std::move(x)), rt(runtime::of(ex)),
          api_key(o.api_key, o.fresh_api_key), charges(breaker_of(o, o.name)), reads(breaker_of(o, o.name + ".reads")),
          charge_pipe(pipe_of(ex, o, charges, budget)), read_pipe(pipe_of(ex, o, reads, read_budget)),
          patient_pipe(ex, retry(patience(o), read_budget)),
          health(ex, monitor_options(o), health_look(exchange, health_request(), ex), charges),
          bypassed(rt, o.sink, "kedge.payment", o.bypass ? "Calls of " + o.name + " bypass retries, breaker and limit" : "") {
        if (!journal) throw std::invalid_argument("kedge::payment_client: a journal is required, e.g. payment::memory_journal");
        if (!exchange) throw std::invalid_argument("kedge::payment_client: the exchange is null");
        if (o.settle_after <= nanoseconds::zero())
            throw std::invalid_argument("kedge::payment_options: settle_after = " + to_string(o.settle_after) +
                                        ", but it must be above 0");
        charges.probe_lease(o.attempt_timeout);
        reads.probe_lease(o.attempt_timeout);
    }
    ~payment_core() { health.stop(); }

    /// False while another call has this key, also of another client with the same journal.
    bool claim(const idempotency_key& key) {
        const std::lock_guard lock(journal->keys_mutex_);
        return journal->keys_.insert(key.text()).second;
    }

    void release(const idempotency_key& key) {
        const std::lock_guard lock(journal->keys_mutex_);
        journal->keys_.erase(key.text());
    }

    void alarm(payment_alarm_cause cause, const idempotency_key& key, const error_code& ec,
               nanoseconds age = nanoseconds::zero()) const noexcept {
        options.on_event(payment_alarm{options.name, cause, key.text(), ec, age});
    }

    /// After that long a key is not sent again, and nothing that the provider says of it proves that it never came: some
    /// of the time that the provider promises is left to clocks that disagree.
    nanoseconds key_life() const noexcept { return provider.promises().window / 10 * 9; }

    /// A call completed or was abandoned; the last one ends what waits for that.
    void ended() noexcept {
        std::vector<std::shared_ptr<timer>> waiting;
        {
            const std::lock_guard lock(mutex);
            if (--in_flight == 0) waiting.swap(closing);
        }
        for (const auto& t : waiting) {
            try {
                t->cancel();
            } catch (...) {  // no memory: that shutdown ends at its deadline
            }
        }
    }

    const payment_options options;
    const std::shared_ptr<payment::journal> journal;
    const std::shared_ptr<payment::exchange> exchange;
    const payment::generic_provider provider{};
    runtime& rt;
    live_api_key api_key;
    circuit_breaker charges, reads;  // asking what became of a payment must not wait for the charges to recover
    retry_budget budget, read_budget;  // what charges have spent must not keep anybody from asking
    pipe_type charge_pipe, read_pipe;
    patient_type patient_pipe;  // around looks, which go through the read pipe one by one
    health_monitor<boost::asio::any_io_executor, health_look> health;

    log::detail::hourly_reminder bypassed;

    mutable std::mutex mutex;
    int in_flight = 0;
    bool closed = false;
    std::vector<std::shared_ptr<timer>> closing;  // of shutdowns under way

private:
    static constexpr int most_in_flight = 32, most_waiting = 16;

    /// That the health endpoint answers proves less than a charge does; see docs/design/payments.md.
    static health_monitor_options monitor_options(const payment_options& o) {
        return {.name = o.name, .interval = o.health_interval, .timeout = o.attempt_timeout, .closes_breaker = false,
                .on_event = o.on_event};
    }

    payment::request health_request() const {
        payment::request r = provider.health();
        authorise(r, options.api_key);
        return r;
    }

    static circuit_breaker breaker_of(const payment_options& o, std::string name) {
        circuit_breaker made({.name = std::move(name), .consecutive_failures = o.breaker_threshold, .on_event = o.on_event});
        if (o.bypass) made.mode(breaker_mode::metrics_only);
        return made;
    }

    /// Between two looks: by then most providers have decided, and every five minutes for as long as it takes.
    static retry_options patience(const payment_options& o) {
        return {.max_retries = 1000,
                .base = std::chrono::seconds(2),
                .cap = std::chrono::minutes(5),
                .spread = jitter::equal,
                .idempotent = true,
                .max_hint = std::chrono::hours(1),
                .on_event = o.on_event};
    }

    static pipe_type pipe_of(const boost::asio::any_io_executor& ex, const payment_options& o, const circuit_breaker& b,
                             const retry_budget& budget) {
        return pipe_type(ex, total_timeout{o.total_timeout},
                         retry({.max_retries = o.bypass ? 0 : o.max_retries,
                                .idempotent = true,
                                // What does not fit in the time that is left is told to the caller.
                                .max_hint = std::max(o.total_timeout, nanoseconds::zero()),
                                .on_event = o.on_event},
                               budget),
                         b,
                         concurrency_limit(o.bypass ? std::numeric_limits<int>::max() : most_in_flight, most_waiting),
                         timeout{o.attempt_timeout});
    }
};

}  // namespace kedge::detail
