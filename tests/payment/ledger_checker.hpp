// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/json.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/payment/result.hpp>
#include <kedge/testing/simulated_provider.hpp>
#include <kedge/testing/simulation.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace payment_test {

using namespace kedge;
using payment::outcome;

/// The provider's window of 24 h, less a tenth for clocks that disagree.
inline constexpr nanoseconds key_life = nanoseconds(std::chrono::hours(24)) / 10 * 9;

/// Watches clients from outside, between them and the provider, and compares what they say with the provider's ledger.
/// It knows an intent by its reference, and by no key that a client could make up.
class ledger_checker {
public:
    ledger_checker(const testing::simulation& sim, const testing::simulated_provider& provider)
        : sim_(sim), provider_(provider) {}

    /// @param named  the request says how much; else the provider does
    void intends(const std::string& reference, const money& amount, bool named = true) {
        intents_.emplace(reference, intent{amount, named});
    }

    /// A call that may send begins, in process `process`.
    void calls(int process, const std::string& reference) {
        intent& i = intents_.at(reference);
        ++i.calling[process];
        if (std::exchange(i.refused, false)) m3_no_execution_behind_a_refusal(reference, outcome::rejected);
    }

    /// The journal writes the intent, of which it knew `before`.
    void writes_intent(const std::string& reference, outcome before) {
        intent& i = intents_.at(reference);
        i.trail.emplace_back(std::nullopt);
        if (before == outcome::not_sent) i.first_sent.reset();  // the provider has never seen the key
    }

    /// The journal writes how it ended.
    void writes_settlement(const std::string& reference, outcome how) {
        intent& i = intents_.at(reference);
        m14_the_trail_goes_on_legally(reference, i, how);
        i.trail.emplace_back(how);
    }

    /// The journal has it for good.
    void recorded(const std::string& reference) { intents_.at(reference).recorded = true; }

    /// The journal has it open, though nobody was told so.
    void in_doubt(const std::string& reference) { intents_.at(reference).in_doubt = true; }

    void sends(int process, const payment::request& what) {
        if (what.method == "GET") return;
        const std::string reference = field(what.body, "reference");
        const auto at = intents_.find(reference);
        if (at == intents_.end()) return violated("M6", "bytes that nobody intended: " + what.body);
        intent& i = at->second;
        const std::string key = key_of(what);
        m6_key_and_bytes_stay(reference, i, key, what);
        m7_recorded_before_the_first_byte(reference, i);
        m8_sent_while_the_provider_knows_the_key(reference, i);
        m9_one_attempt_at_a_time(reference, i, process);
        m10_only_calls_that_may_send_do(reference, i, process);
    }

    /// What the client is given for an attempt: now it knows, and could know no better than this.
    void hears(int process, const payment::request& what, const error_code& ec, const payment::response& from,
               payment::send_phase phase) {
        const bool reads = what.method == "GET";
        intent* const i = reads ? of_key(what.target.substr(what.target.find('=') + 1))
                                : of_reference(field(what.body, "reference"));
        if (!i) return;
        if (!reads) i->in_flight.erase(process);
        const payment::answer said = payment::generic_provider().read(from);
        const bool ours = !ec && said.key == i->key && !i->key.empty();
        const bool right = !i->named || !said.amount || *said.amount == i->amount;
        std::optional<outcome> says;
        if (ours && from.status / 100 == 2 && said.understood) says = said.state;
        else if (!ec && from.status == 202 && (ours || said.key.empty())) says = outcome::pending;
        else if (ours && from.status == 402) says = outcome::declined;
        if (says) i->heard_of_key.insert(*says);
        if (says && right) i->heard.insert(*says);
        else if (!reads && ambiguous(ec, from, said, phase)) i->maybe = true;
    }

    /// A call that may send has ended.
    void told(int process, const std::string& reference, const payment_result& r) {
        intent& i = intents_.at(reference);
        --i.calling[process];
        told_by_reconciling(reference, r);
        m4_unknown_is_not_said_lightly(reference, i, r);
        if (r.report().attempts > 0 && !r.recorded() && !i.in_doubt)
            violated("M14", reference + " was sent, and its end is not in the journal");
    }

    void told_by_reconciling(const std::string& reference, const payment_result& r) {
        intent& i = intents_.at(reference);
        const bool was_busy = r.error() == payment::errc::key_in_use;
        if (!i.key.empty() && r.key().text() != i.key) violated("M6", reference + ": its result has another key");
        m1_executed_once_at_most(reference);
        m2_success_is_in_the_ledger(reference, i, r.outcome());
        m3_no_execution_behind_a_refusal(reference, r.outcome());
        m4_m5_only_an_answer_about_it_settles(reference, i, r, was_busy);
        m10_settled_stays_settled(reference, i, r);
        m11_success_was_said_by_a_matching_answer(reference, i.heard, r.outcome());
        m14_what_is_told_is_written(reference, i, r);
        const bool calling = std::ranges::any_of(i.calling, [](const auto& c) { return c.second > 0; });
        i.refused = no_money_moves(r.outcome()) && !calling;
        if (!i.refused || r.error() != payment::errc::not_found) return;
        i.maybe = false;  // what M3 holds it to
        if (r.recorded()) i.in_doubt = false;
    }

    /// A question has ended: it says what it was told, or nothing.
    void told_by_reading(const std::string& reference, const payment_result& r) {
        const intent& i = intents_.at(reference);
        m2_success_is_in_the_ledger(reference, i, r.outcome());
        m3_no_execution_behind_a_refusal(reference, r.outcome());
        // If the journal does not answer, the amount is the provider's word.
        m11_success_was_said_by_a_matching_answer(reference, i.heard_of_key, r.outcome());
    }

    /// Of what it was doing, nobody knows how far it came.
    void process_ends(int process) {
        for (auto& [reference, i] : intents_) {
            if (i.in_flight.erase(process) != 0) i.maybe = true;
            if (std::exchange(i.calling[process], 0) != 0) i.in_doubt = true;
        }
    }

    /// M13 of something that is printed.
    void scan(std::string_view text) {
        if (text.find("canary") != text.npos) violated("M13", "a secret in the output: " + std::string(text));
    }

    /// When nothing is on its way any more.
    void finally() {
        for (const auto& [reference, i] : intents_) {
            m1_executed_once_at_most(reference);
            if (i.settled) m2_success_is_in_the_ledger(reference, i, *i.settled);
            if (i.refused) m3_no_execution_behind_a_refusal(reference, outcome::rejected);
            m14_the_trail_tells_the_end(reference, i);
        }
        m12_every_amount_is_exact();
    }

    void violated(const std::string& invariant, const std::string& what) { violations_.push_back(invariant + ": " + what); }
    const std::vector<std::string>& violations() const noexcept { return violations_; }

private:
    struct intent {
        money amount;
        bool named = true;
        std::string key{}, bytes{};                 // of what was sent
        bool recorded = false;
        bool maybe = false;                         // some attempt may have been executed, for all that a client can know
        bool in_doubt = false;                      // its journal cannot say that nothing was sent
        bool refused = false;                       // the last word is that no money moves
        std::set<outcome> heard{};                  // in answers about it that have reached a client
        std::set<outcome> heard_of_key{};           // the same, whatever amount they name
        std::optional<outcome> settled{};           // told, and in the journal
        std::map<int, int> calling{};               // calls that may send, by process
        std::set<int> in_flight{};                  // processes with an attempt under way
        std::optional<time_point> first_sent{};     // with a key that the provider had not seen
        std::vector<std::optional<outcome>> trail{};  // all that the journal wrote: begun, or settled so
    };

    static bool no_money_moves(outcome o) noexcept {
        return o == outcome::declined || o == outcome::rejected || o == outcome::not_sent;
    }
    static bool is_final(outcome o) noexcept { return o == outcome::succeeded || o == outcome::declined; }

    /// It ended before it could look into the journal.
    static bool did_nothing(const error_code& ec) noexcept {
        return ec == payment::errc::key_in_use || ec == payment::errc::journal_failed || ec == payment::errc::shut_down ||
               ec == errc::deadline_exceeded || ec == errc::deadline_too_short || ec == boost::asio::error::operation_aborted;
    }

    /// By what the field knows of HTTP, apart from how the client has it.
    static bool ambiguous(const error_code& ec, const payment::response& from, const payment::answer& said,
                          payment::send_phase phase) {
        if (ec) return phase >= payment::send_phase::partial;
        const int s = from.status;
        return s / 100 == 2 || s / 100 == 5 || s == 302 || s == 303 || (s == 409 && !said.conflict);
    }

    void m1_executed_once_at_most(const std::string& reference) {
        if (provider_.executions(reference) > 1) violated("M1", reference + " was executed twice");
    }

    void m2_success_is_in_the_ledger(const std::string& reference, const intent& i, outcome o) {
        if (o != outcome::succeeded) return;
        const auto right = [&](const testing::movement& m) { return m.reference == reference && m.amount == i.amount; };
        if (std::ranges::count_if(provider_.ledger(), right) != 1 || provider_.executions(reference) != 1)
            violated("M2", reference + " succeeded, but not in the ledger");
    }

    void m3_no_execution_behind_a_refusal(const std::string& reference, outcome o) {
        if (no_money_moves(o) && provider_.executions(reference) != 0)
            violated("M3", reference + " is said not to have been paid, and was");
    }

    void m4_m5_only_an_answer_about_it_settles(const std::string& reference, const intent& i, const payment_result& r,
                                               bool was_busy) {
        const outcome o = r.outcome();
        if (was_busy && o != outcome::unknown) violated("M4", reference + " is claimed to be decided by a call that did nothing");
        if (was_busy || r.from_journal()) return;
        const bool found_absent = r.error() == payment::errc::not_found;  // long enough after: that M3 checks
        if (i.maybe && i.heard.empty() && o != outcome::unknown && !found_absent)
            violated(r.report().attempts > 1 ? "M5" : "M4", reference + " may have been executed, and is " + to_string(o));
    }

    void m4_unknown_is_not_said_lightly(const std::string& reference, const intent& i, const payment_result& r) {
        if (!i.maybe && !i.in_doubt && i.heard.empty() && r.outcome() == outcome::unknown && !did_nothing(r.error()))
            violated("M4", reference + " is unknown, though nothing of it has left");
    }

    void m6_key_and_bytes_stay(const std::string& reference, intent& i, const std::string& key, const payment::request& what) {
        if (key.empty()) violated("M6", reference + " goes without a key");
        const std::string bytes = what.method + ' ' + what.target + ' ' + what.body;
        if (i.bytes.empty()) {
            if (!keys_.emplace(key, reference).second) violated("M6", reference + " shares the key of " + keys_[key]);
            i.key = key, i.bytes = bytes;
        } else if (key != i.key || bytes != i.bytes) {
            violated("M6", reference + " goes with another key or other bytes");
        }
    }

    void m7_recorded_before_the_first_byte(const std::string& reference, const intent& i) {
        if (!i.recorded) violated("M7", reference + " is sent before it is in the journal");
    }

    void m8_sent_while_the_provider_knows_the_key(const std::string& reference, intent& i) {
        if (!i.first_sent) i.first_sent = sim_.now();
        if (sim_.now() - *i.first_sent > key_life) violated("M8", reference + " is sent when its key may be forgotten");
    }

    void m9_one_attempt_at_a_time(const std::string& reference, intent& i, int process) {
        if (!i.in_flight.insert(process).second) violated("M9", reference + " has two attempts in flight");
    }

    void m10_only_calls_that_may_send_do(const std::string& reference, intent& i, int process) {
        if (i.calling[process] <= 0) violated("M10", reference + " is sent by a call that only reads");
    }

    void m10_settled_stays_settled(const std::string& reference, intent& i, const payment_result& r) {
        if (did_nothing(r.error())) return;
        if (i.settled && *i.settled != r.outcome())
            violated("M10", reference + " was " + to_string(*i.settled) + ", and is now " + to_string(r.outcome()));
        if (is_final(r.outcome()) && r.recorded()) i.settled = r.outcome();
    }

    void m11_success_was_said_by_a_matching_answer(const std::string& reference, const std::set<outcome>& heard, outcome o) {
        if ((o == outcome::succeeded || o == outcome::pending) && !heard.contains(o))
            violated("M11", reference + " is " + to_string(o) + ", though no answer about it said so");
    }

    void m12_every_amount_is_exact() {
        for (const testing::movement& m : provider_.ledger())
            if (const intent* const i = of_reference(m.reference); !i || i->amount != m.amount)
                violated("M12", m.reference + " was charged with " + to_string(m.amount));
    }

    void m14_the_trail_goes_on_legally(const std::string& reference, const intent& i, outcome how) {
        if (i.trail.empty()) violated("M14", reference + " is settled before it is begun");
        const outcome before = replayed(i.trail);
        if (is_final(before) && how != before)
            violated("M14", reference + " was " + to_string(before) + " in the journal, and " + to_string(how) + " is written");
    }

    void m14_what_is_told_is_written(const std::string& reference, const intent& i, const payment_result& r) {
        const bool says_nothing_new = r.from_journal() || r.report().attempts == 0 || r.outcome() == outcome::unknown;
        if (!r.recorded() || says_nothing_new || did_nothing(r.error())) return;
        const auto last = std::ranges::find_if(i.trail.rbegin(), i.trail.rend(), [](const auto& e) { return e.has_value(); });
        if (last == i.trail.rend() || **last != r.outcome())
            violated("M14", reference + " is told to be " + to_string(r.outcome()) + ", which is not what was written");
    }

    void m14_the_trail_tells_the_end(const std::string& reference, const intent& i) {
        const outcome end = replayed(i.trail);
        const int executions = provider_.executions(reference);
        if ((end == outcome::succeeded && executions != 1) || (no_money_moves(end) && executions != 0))
            violated("M14", reference + " is " + to_string(end) + " by what was written, and was executed " +
                                std::to_string(executions) + " times");
    }

    /// What a journal that is read from its start says of the end.
    static outcome replayed(const std::vector<std::optional<outcome>>& trail) {
        outcome now = outcome::unknown;
        for (const auto& written : trail)
            if (!is_final(now)) now = written.value_or(now == outcome::pending ? now : outcome::unknown);
        return now;
    }

    static std::string field(const std::string& body, std::string_view name) {
        const auto fields = kedge::detail::json_reader::read(body);
        const auto at = fields ? fields->find(name) : decltype(fields->end()){};
        return fields && at != fields->end() ? at->second : std::string();
    }

    static std::string key_of(const payment::request& what) {
        for (const payment::header& h : what.headers)
            if (h.name == "Idempotency-Key") return h.value;
        return {};
    }

    intent* of_reference(const std::string& reference) {
        const auto at = intents_.find(reference);
        return at == intents_.end() ? nullptr : &at->second;
    }
    intent* of_key(const std::string& key) {
        const auto at = keys_.find(key);
        return at == keys_.end() ? nullptr : of_reference(at->second);
    }

    const testing::simulation& sim_;
    const testing::simulated_provider& provider_;
    std::map<std::string, intent> intents_;
    std::map<std::string, std::string> keys_;  // whose each is
    std::vector<std::string> violations_;
};

}  // namespace payment_test
