// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/admission.hpp>
#include <kedge/core/backoff.hpp>
#include <kedge/core/breaker_probes.hpp>
#include <kedge/core/breaker_snapshot.hpp>
#include <kedge/core/breaker_window.hpp>
#include <kedge/core/chance.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>
#include <utility>

namespace kedge::core {

struct breaker_rules {
    int consecutive_failures = 5;
    double failure_ratio = 0.5;
    nanoseconds window = std::chrono::seconds(10);  ///< zero: consecutive failures only
    int minimum_calls = 20;
    nanoseconds slow_call{0};  ///< zero: no call is too slow
    nanoseconds open_for = std::chrono::seconds(5);
    nanoseconds open_for_max = std::chrono::seconds(60);
    nanoseconds probe_lease = std::chrono::seconds(10);
};

/// With traffic enough for a ratio, a run of failures must also have lasted this long: at a thousand calls a second five
/// in a row pass in a blink. Without this rule and those of chance.hpp 20 % of errors become 95 % of refusals.
inline constexpr nanoseconds shortest_outage = std::chrono::seconds(1);

/** A circuit breaker as a state machine: `closed` until calls fail, `open` for a while, `half_open` while probing.
 *
 *  Time and randomness come in as arguments; nothing here waits, locks or allocates. A call is admitted by @ref admit
 *  and reported by @ref settle with the ticket it got. A ticket carries the **generation** of its admission, which
 *  changes with each transition and nothing else: a result of another generation is counted as stale and ignored.
 *
 *  The `try_` functions decide the common cases and may be called by any thread at any time. Everything else belongs
 *  under the owner's lock, and @ref take_change after each of them, to raise events in order.
 *  Times may step back a little: callers read different clocks.
 */
class circuit_breaker {
public:
    circuit_breaker(const breaker_rules& rules, time_point now, std::uint32_t generation = 0) noexcept
        : word_(std::uint64_t{generation} << 32), rules_(rules), window_(rules.window), since_(now) {}

    // Any thread

    /// Admits while closed, refuses while open; false when the decision needs the lock.
    bool try_admit(time_point now, admission& answer) noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        if ((word & (state_bits | barred_bit)) == 0) [[likely]] {
            answer.ticket = word & era_bits;
            return true;
        }
        if ((word & (state_bits | barred_bit | dry_bit)) != static_cast<std::uint64_t>(breaker_state::open))
            return false;
        const time_point until = open_until_.load(std::memory_order_relaxed);
        if (now >= until) return false;
        answer = refuse(refusal::open, until - now);
        return true;
    }

    /// Takes in a success while all is calm, and what changes nothing; false when the result needs the lock.
    bool try_settle(std::uint64_t ticket, const outcome& end) noexcept {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        if (word == ticket && end.said.judged == kind::success && !is_slow(end)) [[likely]]
            return window_.try_add(end.ended, false);
        if (ticket == uncounted) return true;
        if ((word ^ ticket) >> 32 != 0) {
            stale_.fetch_add(1, std::memory_order_relaxed);
            return true;
        }
        return end.said.judged == kind::neutral && serial_of(ticket) == 0;
    }

    /// Whether a call with this ticket probes whether the dependency is back.
    static constexpr bool is_probe(std::uint64_t ticket) noexcept {
        return ticket != uncounted && serial_of(ticket) >= breaker_probes::first_serial;
    }

    // Under the lock

    /// @param random  64 bits for the jitter of an opening, as in @ref settle
    admission admit(time_point now, std::uint64_t random) noexcept {
        expire_probe(now, random);
        if (isolations_ > 0) return refuse(refusal::isolated, nanoseconds::zero());
        if (mode_ == breaker_mode::disabled) return {refusal::none, uncounted};
        admission answer = admit_by_state(now);
        if (mode_ == breaker_mode::metrics_only && answer.why != refusal::none) return {refusal::none, uncounted};
        return answer;
    }

    void settle(std::uint64_t ticket, const outcome& end, std::uint64_t random) noexcept {
        expire_probe(end.ended, random);
        if (try_settle(ticket, end)) return;
        if (is_bad(end.said.judged)) remember(end);
        const bool failed = is_bad(end.said.judged) || (end.said.judged == kind::success && is_slow(end));
        if (state() == breaker_state::half_open) return settle_probe(ticket, end, failed, random);
        if (mode_ == breaker_mode::disabled) return;
        window_.add(end.ended, failed);
        if (failed) count_failure(end, random);
        else if (run_ > 0) forget_run();
    }

    void mode(breaker_mode wanted) noexcept {
        mode_ = wanted;
        publish(state());
    }

    void isolate() noexcept {
        ++isolations_;
        publish(state());
    }

    void end_isolation() noexcept {
        --isolations_;
        publish(state());
    }

    /// Closes it and forgets everything, also the growth of the open time.
    void reset(time_point now) noexcept {
        dead_cycles_ = 0;
        hinted_until_ = time_point::min();
        close(now);
        window_.forget(now);
        last_error_ = {};
    }

    /// How long a probe may take before it counts as failed.
    void probe_lease(nanoseconds lease) noexcept { rules_.probe_lease = lease; }

    /// The transition that the last call made, if it made one; at most one per call. Its `name` is left empty.
    std::optional<breaker_changed> take_change() noexcept { return std::exchange(change_, std::nullopt); }

    breaker_snapshot snapshot(time_point now) noexcept {
        if (state() == breaker_state::closed) window_.advance(now);
        const window_counts counts = window_.counts();
        const time_point until = open_until_.load(std::memory_order_relaxed);
        const bool waits = state() == breaker_state::open && now < until;
        return {.state = state(),
                .mode = mode_,
                .isolations = isolations_,
                .generation = generation(),
                .calls = counts.calls,
                .failures = counts.failures,
                .failures_in_a_row = run_,
                .in_state = now > since_ ? now - since_ : nanoseconds::zero(),
                .next_probe_in = waits ? until - now : nanoseconds::zero(),
                .refused = refused_.load(std::memory_order_relaxed),
                .stale = stale_.load(std::memory_order_relaxed),
                .last_error = last_error_};
    }

private:
    // The word: generation in the upper half; below it the state and what sends a caller to the lock. A calm closed
    // breaker has nothing below, so its word is the ticket it gives. A probe's ticket has its serial below, which has
    // the highest bit set and so cannot be mistaken for a word.
    static constexpr std::uint64_t state_bits = 3, suspect_bit = 4, barred_bit = 8, dry_bit = 16;
    static constexpr std::uint64_t era_bits = 0xffff'ffff'0000'0000;
    static constexpr std::uint64_t uncounted = std::numeric_limits<std::uint64_t>::max();

    static constexpr std::uint32_t serial_of(std::uint64_t ticket) noexcept {
        return static_cast<std::uint32_t>(ticket);
    }

    breaker_state state() const noexcept {
        return static_cast<breaker_state>(word_.load(std::memory_order_relaxed) & state_bits);
    }
    std::uint32_t generation() const noexcept {
        return static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed) >> 32);
    }
    std::uint64_t era() const noexcept { return word_.load(std::memory_order_relaxed) & era_bits; }

    bool is_slow(const outcome& end) const noexcept {
        return rules_.slow_call > nanoseconds::zero() && end.ended >= saturating_add(end.started, rules_.slow_call);
    }

    admission refuse(refusal why, nanoseconds retry_after) noexcept {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return {why, 0, retry_after};
    }

    admission admit_by_state(time_point now) noexcept {
        if (state() == breaker_state::closed) return {refusal::none, era()};
        if (state() == breaker_state::open) {
            const time_point until = open_until_.load(std::memory_order_relaxed);
            if (now < until) return refuse(refusal::open, until - now);
            probes_.begin_cycle();
            change_to(breaker_state::half_open, now);
        }
        if (probes_.busy())
            return refuse(refusal::half_open_full, std::max(nanoseconds::zero(), probes_.lease_until() - now));
        return {refusal::none, era() | probes_.begin(now, rules_.probe_lease)};
    }

    /// A probe that outlives its lease has failed; noticed by whoever comes next, also by its own late result.
    void expire_probe(time_point now, std::uint64_t random) noexcept {
        if (state() == breaker_state::half_open && probes_.expired(now)) open(now, random);
    }

    void settle_probe(std::uint64_t ticket, const outcome& end, bool failed, std::uint64_t random) noexcept {
        if (!probes_.is_under_way(serial_of(ticket))) {
            stale_.fetch_add(1, std::memory_order_relaxed);
        } else if (failed) {
            ++run_;
            open(end.ended, random);
        } else if (end.said.judged == kind::neutral) {
            probes_.give_back();
        } else if (probes_.succeed()) {
            close(end.ended);
        }
    }

    void count_failure(const outcome& end, std::uint64_t random) noexcept {
        const window_counts seen = window_.counts();
        if (run_ == 0) begin_run(end, {seen.calls - 1, seen.failures - 1});
        if (run_ < std::numeric_limits<int>::max()) ++run_;
        luck_ *= usual_;
        publish(breaker_state::closed);
        if (is_outage(seen, end.ended)) open(end.ended, random);
    }

    void begin_run(const outcome& first, const window_counts& before) noexcept {
        run_began_ = first.ended;
        run_started_ = first.started;
        usual_ = window_.enabled() ? usual_share(before, window_.past(), rules_.failure_ratio) : 0;
        luck_ = 1;
    }

    bool is_outage(const window_counts& seen, time_point now) const noexcept {
        const bool enough = window_.enabled() && seen.calls >= rules_.minimum_calls;
        if (enough && clearly_exceeds(rules_.failure_ratio, seen)) return true;
        if (run_ < rules_.consecutive_failures || may_be_chance(luck_, seen.calls)) return false;
        return !enough || has_lasted(now);
    }

    /// The run has lasted since its first failure ended. A backend that hangs shows later: then since the first of the
    /// failed calls began, if nothing has succeeded for so long.
    bool has_lasted(time_point now) const noexcept {
        if (now >= saturating_add(run_began_, shortest_outage)) return true;
        return now >= saturating_add(run_started_, shortest_outage) && window_.without_success(now, shortest_outage);
    }

    void forget_run() noexcept {
        run_ = 0;
        publish(breaker_state::closed);
    }

    void remember(const outcome& end) noexcept {
        last_error_ = end.cause;
        if (end.said.retry_after > nanoseconds::zero())
            hinted_until_ = std::max(hinted_until_, saturating_add(end.ended, end.said.retry_after));
    }

    /// For open_for, doubled from the second cycle in a row on in which no probe succeeded; half of it is jitter. A
    /// server's Retry-After raises that, up to the most.
    void open(time_point now, std::uint64_t random) noexcept {
        const bool probed = state() == breaker_state::half_open;
        const bool was_well = probed ? probes_.succeeded() > 0 : now >= saturating_add(since_, rules_.open_for_max);
        if (was_well) dead_cycles_ = 0;
        else if (probed && dead_cycles_ < std::numeric_limits<int>::max()) ++dead_cycles_;
        const int doublings = std::max(dead_cycles_ - 1, 0);
        const nanoseconds span = jittered(doubled(rules_.open_for, doublings, rules_.open_for_max), jitter::equal, random);
        const time_point latest = saturating_add(now, rules_.open_for_max);
        const time_point until = std::max(saturating_add(now, span), std::min(hinted_until_, latest));
        open_until_.store(until, std::memory_order_relaxed);
        change_to(breaker_state::open, now, until - now);
    }

    void close(time_point now) noexcept {
        if (state() != breaker_state::closed) note_change(breaker_state::closed, nanoseconds::zero());
        run_ = 0;
        window_.clear(now);
        since_ = now;
        publish(breaker_state::closed, generation() + 1);
    }

    void change_to(breaker_state next, time_point now, nanoseconds open_for = nanoseconds::zero()) noexcept {
        note_change(next, open_for);
        since_ = now;
        publish(next, generation() + 1);
    }

    void note_change(breaker_state next, nanoseconds open_for) noexcept {
        const window_counts seen = window_.counts();
        const auto narrow = [](std::int64_t n) {
            return static_cast<int>(std::min<std::int64_t>(n, std::numeric_limits<int>::max()));
        };
        change_ = breaker_changed{.name = {},
                                  .from = state(),
                                  .to = next,
                                  .calls = narrow(seen.calls),
                                  .failures = narrow(seen.failures),
                                  .failures_in_a_row = run_,
                                  .open_for = open_for,
                                  .last_error = last_error_};
    }

    void publish(breaker_state now) noexcept { publish(now, generation()); }

    void publish(breaker_state now, std::uint32_t generation) noexcept {
        const bool barred = isolations_ > 0 || mode_ == breaker_mode::disabled;
        const bool suspect = now == breaker_state::closed && run_ > 0;
        const std::uint64_t flags = static_cast<std::uint64_t>(now) | (suspect ? suspect_bit : 0) |
                                    (barred ? barred_bit : 0) | (mode_ == breaker_mode::metrics_only ? dry_bit : 0);
        word_.store(std::uint64_t{generation} << 32 | flags, std::memory_order_release);
    }

    alignas(64) std::atomic<std::uint64_t> word_;  ///< read by every call, written when the state changes
    std::atomic<time_point> open_until_{time_point::min()};
    breaker_rules rules_;
    breaker_window window_;

    std::atomic<std::uint64_t> refused_{0}, stale_{0};
    int run_ = 0;  ///< failures since the last success
    time_point run_began_{}, run_started_{};  ///< the end and the beginning of the first of them
    double usual_ = 0, luck_ = 1;  ///< how probable a failure was before the run, and as many in a row are
    int dead_cycles_ = 0;          ///< in a row, in which no probe succeeded; a short recovery does not end them
    time_point hinted_until_ = time_point::min();
    time_point since_;
    boost::system::error_code last_error_{};
    breaker_probes probes_;
    breaker_mode mode_ = breaker_mode::normal;
    int isolations_ = 0;
    std::optional<breaker_changed> change_;
};

}  // namespace kedge::core
