// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/json.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/testing/detail/provider_answers.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::testing {

/** A payment provider that exists in a script only: it keeps a ledger, executes once per idempotency key, and is slow,
 *  silent, or loses answers as told. It works on @ref kedge::timer, so a simulation plays hours of it in a moment.
 *
 *  @code
 *  auto provider = std::make_shared<testing::scripted_exchange>(sim);
 *  provider->silent_until(sim.now() + 12s);
 *  kedge::payment_client payments{sim, {}, journal, provider};
 *  …
 *  CHECK(provider->charged(key) == 1);
 *  @endcode
 *
 *  Each charge takes the next step of the script; without one it is executed and answered after @ref latency. Questions
 *  for a status and for health take no step.
 *  @par Thread safety  None: it belongs to the thread of the simulation.
 */
class scripted_exchange final : public payment::exchange {
public:
    /// A charge that arrived, whatever became of it, also while every connection was reset.
    struct arrival {
        std::string key, body;
        int attempt;
        time_point at;
    };

    template <class Context>
    explicit scripted_exchange(Context& ctx) : executor_(ctx.get_executor()), rt_(runtime::of(executor_)) {}

    /// Of an answer, from the next request on.
    scripted_exchange& latency(nanoseconds time) { return latency_ = time, *this; }

    /// The request arrives and is dropped; no answer ever.
    scripted_exchange& never_answers(int times = 1) {
        return add({.delay = nanoseconds::max(), .phase = payment::send_phase::complete}, times);
    }
    /// The connection breaks before the request was looked at, or, if `executed`, afterwards: the client cannot tell.
    scripted_exchange& resets(int times = 1, bool executed = false) {
        return add({.error = boost::asio::error::connection_reset, .phase = payment::send_phase::complete,
                    .executes = executed}, times);
    }
    /// Nobody listens.
    scripted_exchange& refuses(int times = 1) {
        return add({.error = boost::asio::error::connection_refused, .phase = payment::send_phase::resolved}, times);
    }
    /// The connection is never established.
    scripted_exchange& never_connects(int times = 1) {
        return add({.delay = nanoseconds::max(), .phase = payment::send_phase::resolved}, times);
    }
    /// Answers without executing. `$KEY` in the body stands for the key of the request.
    scripted_exchange& answers(int status, std::string body = {}, std::vector<payment::header> headers = {}, int times = 1) {
        return add({.status = status, .body = std::move(body), .headers = std::move(headers)}, times);
    }
    scripted_exchange& overloaded(int retry_after_seconds, int times = 1) {
        return answers(503, {}, {{"Retry-After", std::to_string(retry_after_seconds)}}, times);
    }
    scripted_exchange& declines(int times = 1) {
        return answers(402, R"({"idempotency_key":"$KEY","error":{"code":"card_declined","message":"no money"}})", {}, times);
    }
    /// An ordinary answer.
    scripted_exchange& works(int times = 1) { return add({.executes = true}, times); }

    /// One step for each character: `.` works, `x` is reset before execution. Use it for "three of ten fail".
    scripted_exchange& pattern(std::string_view steps) {
        for (const char c : steps) c == 'x' ? resets() : works();
        return *this;
    }

    /// What arrives before is executed and answered then, also if nobody waits for the answer any more.
    scripted_exchange& silent_until(time_point when) { return silent_until_ = when, *this; }

    /// Every connection is reset within `[from, until)`, before anything is executed.
    scripted_exchange& away(time_point from, time_point until) { return away_.emplace_back(from, until), *this; }

    const std::vector<arrival>& arrivals() const noexcept { return arrivals_; }

    /// How often this key was executed: 0 or 1, else the ledger is broken.
    int charged(std::string_view key) {
        work_off_backlog();
        const auto at = ledger_.find(key);
        return at == ledger_.end() ? 0 : at->second.executions;
    }
    /// All executions of all keys.
    int executions() {
        work_off_backlog();
        int sum = 0;
        for (const auto& [key, e] : ledger_) sum += e.executions;
        return sum;
    }

    void start(const payment::request& what, const attempt& of, payment::exchange_handler handler) override {
        work_off_backlog();
        if (what.method != "GET") arrivals_.push_back({key_of(what), what.body, of.number, rt_.now()});
        step todo = away() ? step{.error = boost::asio::error::connection_reset, .phase = payment::send_phase::complete}
                           : plan(what);
        const nanoseconds delay = todo.delay == nanoseconds::zero() ? latency_ : todo.delay;
        async_sleep(executor_, delay, waiting{std::move(handler), std::move(todo)});
    }

private:
    struct step {
        error_code error{};
        int status = 0;
        std::string body{};
        std::vector<payment::header> headers{};
        nanoseconds delay{0};  ///< zero: the usual latency
        payment::send_phase phase = payment::send_phase::response_done;
        bool executes = false;
    };

    struct entry {
        std::string body, id, amount, currency;
        int executions = 0;
    };

    /// An answer on its way.
    struct waiting {
        payment::exchange_handler next;
        step todo;

        using executor_type = payment::exchange_handler::executor_type;
        using cancellation_slot_type = payment::exchange_handler::cancellation_slot_type;
        executor_type get_executor() const noexcept { return next.get_executor(); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return next.get_cancellation_slot(); }

        void operator()(const error_code& stopped) {
            const auto phase = stopped ? std::min(todo.phase, payment::send_phase::complete) : todo.phase;
            payment::response r;
            if (!stopped && !todo.error) r = {todo.status, std::move(todo.headers), std::move(todo.body)};
            next(stopped ? stopped : todo.error, std::move(r), phase);
        }
    };

    scripted_exchange& add(const step& s, int times) {
        for (int i = 0; i < times; ++i) script_.push_back(s);
        return *this;
    }

    bool away() const noexcept {
        const time_point now = rt_.now();
        return std::ranges::any_of(away_, [&](const auto& w) { return now >= w.first && now < w.second; });
    }

    static std::string key_of(const payment::request& r) {
        for (const payment::header& h : r.headers)
            if (h.name == "Idempotency-Key") return h.value;
        return r.target.substr(r.target.find('=') + 1);
    }

    step plan(const payment::request& what) {
        const nanoseconds silence = std::max(silent_until_ - rt_.now(), nanoseconds::zero());
        const std::string key = key_of(what);
        step s;
        if (what.method == "GET") {
            s = what.target == "/health" ? step{.status = 200} : look_up(key);
        } else {
            if (silence > nanoseconds::zero()) backlog_.emplace_back(key, what.body);
            s = silence > nanoseconds::zero() || script_.empty() ? step{.executes = true} : take();
            const bool lost = static_cast<bool>(s.error);
            if (s.executes && lost) execute(key, what.body);
            else if (s.executes) s = silence > nanoseconds::zero() ? preview(key, what.body) : execute(key, what.body);
            replace_key(s.body, key);
        }
        if (silence > nanoseconds::zero()) s.delay = silence + latency_;
        return s;
    }

    step take() {
        step s = std::move(script_.front());
        script_.pop_front();
        return s;
    }

    static void replace_key(std::string& body, const std::string& key) {
        if (const std::size_t at = body.find("$KEY"); at != body.npos) body.replace(at, 4, key);
    }

    step answer_of(const std::string& key, const entry& e, int status) const {
        return {.status = status, .body = detail::payment_body(e.id, "succeeded", e.amount, e.currency, key)};
    }

    /// What @ref execute will answer once the silence is over.
    step preview(const std::string& key, const std::string& body) {
        const auto at = ledger_.find(key);
        return answer_of(key, at == ledger_.end() ? entry_of(key, body) : at->second, 201);
    }

    entry entry_of(const std::string& key, const std::string& body) const {
        auto fields = kedge::detail::json_reader::read(body).value_or(kedge::detail::json_reader::fields{});
        return {body, "ch_" + key.substr(0, 8), fields["amount"], fields["currency"], 0};
    }

    /// Once per key: the same content again gets the same answer, other content is refused.
    step execute(const std::string& key, const std::string& body) {
        const auto [at, is_new] = ledger_.try_emplace(key, entry_of(key, body));
        if (at->second.body != body)
            return {.status = 422, .body = detail::error_body("idempotency_key_reused", "other content")};
        if (is_new) ++at->second.executions;
        return answer_of(key, at->second, is_new ? 201 : 200);
    }

    step look_up(const std::string& key) const {
        const auto at = ledger_.find(key);
        if (at == ledger_.end()) return {.status = 404, .body = detail::error_body("not_found", "no such key")};
        return answer_of(key, at->second, 200);
    }

    void work_off_backlog() {
        if (rt_.now() < silent_until_) return;
        for (const auto& [key, body] : std::exchange(backlog_, {})) (void)execute(key, body);
    }

    boost::asio::any_io_executor executor_;
    runtime& rt_;
    nanoseconds latency_ = std::chrono::milliseconds(80);
    time_point silent_until_{};
    std::vector<std::pair<time_point, time_point>> away_;
    std::deque<step> script_;
    std::vector<arrival> arrivals_;
    std::vector<std::pair<std::string, std::string>> backlog_;
    std::map<std::string, entry, std::less<>> ledger_;
};

}  // namespace kedge::testing
