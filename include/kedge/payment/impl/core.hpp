// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/health_monitor.hpp>
#include <kedge/payment/impl/health_look.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/associator.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace kedge::detail {

class payment_call;

/// What an attempt hands to the policies: only how it was judged.
struct payment_reply {
    verdict judged{};
    bool decided = false;

    /// What a policy replaced (an attempt's limit passed) is judged by its code.
    friend verdict kedge_classify(const error_code& ec, const payment_reply& r) noexcept {
        return r.decided && ec.category() != kedge::category() ? r.judged : classify(ec);
    }
};

/// What the handles of a client and its running calls share. Its end ends what `async_run` started.
class payment_core {
public:
    using pipe_type = pipeline<boost::asio::any_io_executor, total_timeout, retry, circuit_breaker, concurrency_limit, timeout>;

    payment_core(boost::asio::any_io_executor ex, const payment_options& o, std::shared_ptr<payment::journal> j,
                 std::shared_ptr<payment::exchange> x)
        : options(o), journal(std::move(j)), exchange(std::move(x)), rt(runtime::of(ex)),
          charges(breaker_of(o, o.name)), reads(breaker_of(o, o.name + ".reads")),
          charge_pipe(pipe_of(ex, o, charges, budget)), read_pipe(pipe_of(ex, o, reads, budget)),
          health(ex, monitor_options(o), health_look(exchange, health_request(), ex), charges) {
        if (!journal) throw std::invalid_argument("kedge::payment_client: a journal is required, e.g. payment::memory_journal");
        if (!exchange) throw std::invalid_argument("kedge::payment_client: the exchange is null");
        charges.probe_lease(o.attempt_timeout);
        reads.probe_lease(o.attempt_timeout);
    }
    ~payment_core() { health.stop(); }

    /// False while another call has this key.
    bool claim(const idempotency_key& key) {
        const std::lock_guard lock(mutex);
        return keys.insert(key.text()).second;
    }

    void release(const idempotency_key& key) {
        const std::lock_guard lock(mutex);
        keys.erase(key.text());
    }

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
    circuit_breaker charges, reads;  // asking what became of a payment must not wait for the charges to recover
    retry_budget budget;  // one, for they call one server
    pipe_type charge_pipe, read_pipe;
    health_monitor<boost::asio::any_io_executor, health_look> health;

    mutable std::mutex mutex;
    std::set<std::string> keys;  // of calls under way
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
        return circuit_breaker(
            {.name = std::move(name), .consecutive_failures = o.breaker_threshold, .on_event = o.on_event});
    }

    static pipe_type pipe_of(const boost::asio::any_io_executor& ex, const payment_options& o, const circuit_breaker& b,
                             const retry_budget& budget) {
        return pipe_type(ex, total_timeout{o.total_timeout},
                         retry({.max_retries = o.max_retries, .idempotent = true, .on_event = o.on_event}, budget), b,
                         concurrency_limit(most_in_flight, most_waiting), timeout{o.attempt_timeout});
    }
};

/** One call of a client: request, key, what its attempts proved, and who waits for the result.
 *
 *  Serialised by the caller's executor before and after the pipeline, and by the pipeline within.
 */
class payment_call : public std::enable_shared_from_this<payment_call> {
public:
    payment_call(std::shared_ptr<payment_core> core, idempotency_key key, const call& c, const attempt& outer,
                 payment_handler handler);
    payment_call(const payment_call&) = delete;
    ~payment_call();

    void charge(charge_request what);
    void status();

    /// @cond  for the operation and the handlers below
    void start_attempt(const attempt& a, payment::exchange_handler handler);
    payment_reply judge(error_code& ec, const payment::response& from, payment::send_phase phase, int number);
    void finished(const error_code& ec);
    boost::asio::any_io_executor executor() const noexcept {
        return handler_.get_executor();
    }
    boost::asio::cancellation_slot slot() const noexcept {
        return handler_.get_cancellation_slot();
    }
    const attempt& outer() const noexcept { return outer_; }
    /// @endcond

private:
    error_code check(const charge_request& what) const;
    void begin(const charge_request& what);
    void known(const error_code& ec, const payment::standing& before);
    void launch(const payment_core::pipe_type& through);
    void refuse(const error_code& ec, payment::outcome o);
    void settle();
    void complete();
    void log() const noexcept;
    void remember(const payment::answer& said);
    bool repeats_a_secret(const std::string& text) const;

    /// A journal answers once, on whatever thread. One that does so again, or throws afterwards, is not heard.
    template <class Step> void answered(std::atomic<bool>& before, Step step) {
        if (before.exchange(true)) return;
        try {
            boost::asio::post(executor(), std::move(step));
        } catch (...) {
            before = false;
            throw;
        }
    }

    std::shared_ptr<payment_core> core_;
    payment_handler handler_;
    call call_;
    attempt outer_;
    payment_result result_;
    payment::request request_{};
    std::optional<money> amount_{};
    std::optional<card_token> token_{};
    payment::outcome_join join_{};
    nanoseconds limit_{0};  ///< for all attempts
    bool reads_ = false, claimed_ = false, counted_ = false, cancelled_ = false, doubted_ = false;
    std::atomic<bool> begun_{false}, settled_{false};
    boost::asio::any_io_executor work_, io_work_;  // for handler and client: while the journal works, there is nothing else
};

/// Judges the end of an attempt on its way from the exchange to the pipeline.
template <class Handler> struct judging_handler {
    std::shared_ptr<payment_call> call;
    int number;
    Handler next;

    void operator()(error_code ec, payment::response from, payment::send_phase phase) {
        const payment_reply reply = call->judge(ec, from, phase, number);
        call.reset();
        std::move(next)(ec, reply);
    }
};

/// One attempt, as an operation.
struct payment_attempt {
    std::shared_ptr<payment_call> call;

    template <class Token> auto operator()(const attempt& a, Token&& token) const {
        return boost::asio::async_initiate<Token, void(error_code, payment_reply)>(
            [](auto&& handler, std::shared_ptr<payment_call> self, const attempt& of) {
                using next = std::decay_t<decltype(handler)>;
                auto& to = *self;
                judging_handler<next> judging{std::move(self), of.number, std::forward<decltype(handler)>(handler)};
                to.start_attempt(of, payment::exchange_handler(std::move(judging), to.executor()));
            },
            token, call, a);
    }
};

/// Takes the pipeline's end back to the call; executor, slot and attempt are those of the caller's handler.
struct payment_finish {
    std::shared_ptr<payment_call> call;

    using executor_type = boost::asio::any_io_executor;
    using cancellation_slot_type = boost::asio::cancellation_slot;
    executor_type get_executor() const noexcept { return call->executor(); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return call->slot(); }
    const attempt& get_attempt() const noexcept { return call->outer(); }

    void operator()(const error_code& ec, const payment_reply&) { std::move(call)->finished(ec); }
};

}  // namespace kedge::detail

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, kedge::detail::judging_handler<Handler>, Default> : Associator<Handler, Default> {
    static auto get(const kedge::detail::judging_handler<Handler>& h) noexcept {
        return Associator<Handler, Default>::get(h.next);
    }
    static auto get(const kedge::detail::judging_handler<Handler>& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.next, d);
    }
};
