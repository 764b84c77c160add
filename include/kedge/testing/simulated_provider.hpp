// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/exchange.hpp>
#include <kedge/testing/detail/provider_books.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::testing {

/// How often each kind of misfortune happens, from 0 to 1, drawn anew for each request.
struct provider_faults {
    double lost = 0;         ///< refused, cut or silent in any phase, before or after the provider has heard of it
    double slow = 0;         ///< the way there, the work or the way back takes up to 15 s
    double duplicated = 0;   ///< something on the way delivers it twice, up to 5 s apart
    double turned_away = 0;  ///< something in front answers: 401, 403, 404, 408, 429, 503; or 502, 504, which may pass it on
    double crashed = 0;      ///< the provider crashes between execution and answer, and is away for up to 10 s
    double garbled = 0;      ///< the answer is cut, no JSON, or about another payment, amount or currency
    double pending = 0;      ///< answered with 202, and decided up to 10 s later
    double stale = 0;        ///< look-ups do not find it for up to 20 s after its execution
};

/// How often something happened, the faults among it.
struct provider_counters {
    int requests = 0, replayed = 0, busy = 0, conflicts = 0;  ///< attempts; answers from the table; 409; 422
    int lost = 0, slow = 0, duplicated = 0, turned_away = 0, crashed = 0, garbled = 0, pending = 0, stale = 0;
};

/** A payment provider behind an unreliable network, for a simulation: it speaks the generic provider's protocol, honours
 *  idempotency keys, and keeps a ledger. What goes wrong is decided by the simulation's seed.
 *
 *  @code
 *  testing::simulation world(seed);
 *  auto provider = std::make_shared<testing::simulated_provider>(world, testing::provider_faults{.lost = 0.3, .slow = 0.2});
 *  kedge::payment_client payments{world, {}, journal, provider};
 *  …
 *  provider->heal();
 *  world.run_for(10min);
 *  CHECK(provider->executions("order 4711") == 1);
 *  @endcode
 *
 *  What it keeps to, whatever happens: a key is executed at most once and with the content it first came with, unless more
 *  than @ref window has passed; a request without a key is executed each time it arrives; who is turned away with 401, 403,
 *  404, 408, 429 or 503 is not executed. Within @ref settled_within of its last byte a request has been executed and can be
 *  looked up, or never will. Tokens that begin with "tok_declined" are declined.
 *
 *  For a script instead of chance there is @ref scripted_exchange.
 *  @par Lifetimes  Made by `make_shared`. What is on its way keeps it, until the simulation ends.
 *  @par Thread safety  None: it belongs to the thread of the simulation.
 */
class simulated_provider final : public payment::exchange, public std::enable_shared_from_this<simulated_provider> {
public:
    static constexpr nanoseconds settled_within = std::chrono::seconds(60);

    template <class Context>
    explicit simulated_provider(Context& ctx, const provider_faults& faults = {})
        : executor_(ctx.get_executor()), rt_(runtime::of(executor_)), faults_(faults) {}

    /// Nothing goes wrong from now on. What is on its way arrives as it would have.
    void heal() noexcept {
        faults_ = {};
        away_until_ = {};
    }

    /// Other faults from now on.
    void suffer(const provider_faults& faults) noexcept { faults_ = faults; }

    /// Forgets a key after `span`: with it comes a new payment. 24 h at first.
    void window(nanoseconds span) noexcept { books_.window = span; }

    /// All movements of money, oldest first.
    const std::vector<movement>& ledger() const noexcept { return books_.ledger(); }

    /// How often a payment with this reference was executed: more than once, and somebody has paid twice.
    int executions(std::string_view reference) const noexcept {
        return static_cast<int>(std::ranges::count(ledger(), reference, &movement::reference));
    }

    const provider_counters& counters() const noexcept { return counters_; }

    void start(const payment::request& what, const attempt&, payment::exchange_handler handler) override {
        ++counters_.requests;
        const auto c = std::make_shared<conversation>(what, draw_loss(), executor_, std::move(handler));
        c->lives.expires_at(never);
        c->lives.async_wait([c](error_code) {});
        if (auto slot = c->next->get_cancellation_slot(); slot.is_connected())
            slot.assign([weak = std::weak_ptr(c)](boost::asio::cancellation_type) {
                if (const auto open = weak.lock()) end(open, boost::asio::error::operation_aborted, {}, open->reached);
            });
        proceed(c);
    }

private:
    using phase = payment::send_phase;
    using milliseconds = std::chrono::milliseconds;
    using seconds = std::chrono::seconds;

    /// How far a connection comes, and what then.
    struct loss {
        phase breaks = phase::response_done;
        bool silent = false;  ///< nothing more happens, instead of an error
        bool arrives = true;  ///< what was written
    };

    /// The client's end of an exchange. Without a handler it is over, or there never was one.
    struct conversation {
        conversation(const payment::request& asked, const loss& bad, const boost::asio::any_io_executor& ex,
                     std::optional<payment::exchange_handler> handler = {})
            : what(asked), fails(bad), next(std::move(handler)), lives(ex) {}

        payment::request what;
        loss fails;
        std::optional<payment::exchange_handler> next;
        phase reached = phase::none;
        timer lives;  // until it is over, the context keeps it
    };
    using shared_conversation = std::shared_ptr<conversation>;

    static void end(const shared_conversation& c, error_code ec, payment::response r, phase reached) {
        if (!c->next) return;
        payment::exchange_handler handler = std::move(*c->next);
        c->next.reset();
        c->lives.cancel();
        if (auto slot = handler.get_cancellation_slot(); slot.is_connected()) slot.clear();
        const auto ex = handler.get_executor();
        boost::asio::post(ex, [handler = std::move(handler), ec, r = std::move(r), reached]() mutable {
            handler(ec, std::move(r), reached);
        });
    }

    /// One phase further, until the connection breaks, its client is gone, or all is written.
    void proceed(const shared_conversation& c) {
        later(between(milliseconds(0), milliseconds(10)), [this, c] {
            if (!c->next) return;
            c->reached = static_cast<phase>(static_cast<int>(c->reached) + 1);
            if (c->reached == phase::resolved && rt_.now() < away_until_)
                return end(c, boost::asio::error::connection_refused, {}, c->reached);
            if (c->reached == phase::complete) send(c);
            if (c->reached == c->fails.breaks) break_off(c);
            else if (c->reached < phase::complete) proceed(c);
        });
    }

    void break_off(const shared_conversation& c) {
        if (c->fails.silent) return;
        if (c->reached == phase::resolved) return end(c, boost::asio::error::connection_refused, {}, c->reached);
        const nanoseconds when = c->reached < phase::complete ? nanoseconds() : between(milliseconds(1), seconds(2));
        later(when, [c] { end(c, boost::asio::error::connection_reset, {}, c->reached); });
    }

    /// All is written: it travels, once or twice, or is stopped in front of the provider.
    void send(const shared_conversation& c) {
        if (!c->fails.arrives) return;
        nanoseconds there = between(milliseconds(5), milliseconds(50));
        if (happens(faults_.slow, counters_.slow)) there += between(seconds(0), seconds(15));
        if (happens(faults_.turned_away, counters_.turned_away)) return later(there, [this, c] { turn_away(c); });
        later(there, [this, c] { arrive(c); });
        if (happens(faults_.duplicated, counters_.duplicated))
            later(there + between(seconds(0), seconds(5)), [this, c] { arrive(c); });
    }

    void turn_away(const shared_conversation& c) {
        static constexpr std::array statuses{401, 403, 404, 408, 429, 502, 503, 504};
        const int status = statuses[rt_.random() % statuses.size()];
        payment::response r{status, {}, "<html><h1>" + std::to_string(status) + "</h1></html>"};
        const bool passes_on = status == 502 || status == 504;
        if (passes_on && rt_.random() % 2 == 0) arrive(std::make_shared<conversation>(c->what, loss{}, executor_));
        if (passes_on) {  // it quotes what it could not pass on, secrets and all
            std::string quoted = c->what.body;
            for (const payment::header& h : c->what.headers) quoted += " " + h.value;
            r.body = detail::error_body("bad_gateway", quoted);
        }
        if ((status == 429 || status == 503) && rt_.random() % 2 == 0)
            r.headers.push_back({"Retry-After", std::to_string(1 + rt_.random() % 3)});
        answer(c, std::move(r));
    }

    /// At the provider's door.
    void arrive(const shared_conversation& c) {
        using claim = detail::provider_books::claim;
        if (rt_.now() < away_until_) return answer(c, {});
        const std::string& target = c->what.target;
        if (c->what.method == "GET")
            return answer(c, target == "/health" ? payment::response{200, {}, {}} : books_.look_up(target, rt_.now()));
        const std::string key = key_of(c->what);
        switch (books_.begin(key, c->what, rt_.now())) {
        case claim::fresh: return work(c, key);
        case claim::busy:
            ++counters_.busy;
            return answer(c, {409, {}, detail::error_body("idempotency_key_in_use", "still at it", key)});
        case claim::stored: ++counters_.replayed; return answer(c, books_.answer(key, false));
        case claim::conflict:
            ++counters_.conflicts;
            return answer(c, {422, {}, detail::error_body("idempotency_key_reused", "other content", key)});
        case claim::invalid: return answer(c, {400, {}, detail::error_body("invalid", "no amount and currency")});
        }
    }

    void work(const shared_conversation& c, const std::string& key) {
        nanoseconds takes = between(milliseconds(20), milliseconds(200));
        if (happens(faults_.slow, counters_.slow)) takes += between(seconds(0), seconds(10));
        later(takes, [this, c, key, era = era_] {
            if (era == era_) execute(c, key);
        });
    }

    void execute(const shared_conversation& c, const std::string& key) {
        const bool postponed = happens(faults_.pending, counters_.pending);
        if (happens(faults_.stale, counters_.stale)) books_.hide_until(key, rt_.now() + between(seconds(0), seconds(20)));
        if (postponed) {
            books_.postpone(key);
            later(between(seconds(1), seconds(10)), [this, key] { books_.execute(key, rt_.now()); });
        } else {
            books_.execute(key, rt_.now());
        }
        if (!happens(faults_.crashed, counters_.crashed)) return answer(c, books_.answer(key, true));
        ++era_;  // what was under way is forgotten; what was executed is found again in the recovery
        books_.forget_unfinished();
        away_until_ = rt_.now() + between(seconds(1), seconds(10));
        books_.recover_until(key, away_until_ + between(seconds(0), seconds(5)));
        answer(c, {});
    }

    /// Sends an answer on its way back; an empty one is a connection that breaks.
    void answer(const shared_conversation& c, payment::response r) {
        if (c->fails.breaks == phase::complete) return;  // somebody has seen to its end
        nanoseconds back = between(milliseconds(5), milliseconds(50));
        if (happens(faults_.slow, counters_.slow)) back += between(seconds(0), seconds(15));
        if (r.status == 0) return later(back, [c] { end(c, boost::asio::error::connection_reset, {}, phase::complete); });
        if (c->fails.breaks == phase::response_head)
            return later(back, [c] { end(c, boost::asio::error::eof, {}, phase::response_head); });
        if (happens(faults_.garbled, counters_.garbled)) garble(r.body, key_of(c->what));
        later(back, [c, r = std::move(r)]() mutable { end(c, {}, std::move(r), phase::response_done); });
    }

    void garble(std::string& body, const std::string& key) {
        const auto change = [&](std::string_view field, std::string_view to) {
            if (const auto at = body.find(field); at != body.npos) body.replace(at + field.size(), to.size(), to);
        };
        switch (rt_.random() % 6) {
        case 0: body.resize(body.size() / 2); break;
        case 1: body = "<html>Welcome!</html>"; break;
        case 2: body = books_.another(key, rt_.random()).value_or("{}"); break;
        case 3: change("\"amount\":\"", body.find("\"amount\":\"9") == body.npos ? "9" : "8"); break;
        case 4: change("\"currency\":\"", body.find("\"USD\"") == body.npos ? "USD" : "EUR"); break;
        default: change("\"idempotency_key\":\"", "~"); break;
        }
    }

    loss draw_loss() {
        if (!happens(faults_.lost, counters_.lost)) return {};
        static constexpr std::array breaks{phase::resolved, phase::connected, phase::tls_done, phase::partial,
                                           phase::complete, phase::complete,  phase::complete, phase::response_head};
        loss l{.breaks = breaks[rt_.random() % breaks.size()]};
        l.silent = rt_.random() % 2 == 0;
        l.arrives = l.breaks == phase::response_head || (l.breaks == phase::complete && rt_.random() % 2 == 0);
        return l;
    }

    static std::string key_of(const payment::request& r) {
        for (const payment::header& h : r.headers)
            if (h.name == "Idempotency-Key") return h.value;
        return {};
    }

    template <class F> void later(nanoseconds span, F f) {
        async_sleep(executor_, span, [self = shared_from_this(), f = std::move(f)](error_code) mutable { f(); });
    }

    bool happens(double probability, int& counter) noexcept {
        const bool yes = static_cast<double>(rt_.random() >> 11) * 0x1p-53 < probability;
        counter += yes;
        return yes;
    }

    nanoseconds between(nanoseconds least, nanoseconds most) noexcept {
        const auto span = static_cast<std::uint64_t>((most - least).count() + 1);
        return least + nanoseconds(static_cast<std::int64_t>(rt_.random() % span));
    }

    boost::asio::any_io_executor executor_;
    runtime& rt_;
    provider_faults faults_;
    provider_counters counters_;
    detail::provider_books books_;
    time_point away_until_{};
    int era_ = 0;  // how often it has crashed
};

}  // namespace kedge::testing
