// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/backoff.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace kedge::aws::detail {

/** When the next request may go, and how many at once: additive increase, multiplicative decrease.
 *
 *  What several requests suffer that were on their way together is one trouble, not several.
 */
class send_pace {
public:
    explicit send_pace(int most_in_flight) noexcept : most_(most_in_flight) {}

    bool allows(time_point now, int in_flight) const noexcept { return now >= resume_at() && in_flight < window(); }
    time_point resume_at() const noexcept { return std::max(resume_at_, keys_at_); }
    int window() const noexcept { return outage() ? 1 : static_cast<int>(window_); }
    bool outage() const noexcept { return failures_ >= failures_of_an_outage; }
    bool in_trouble() const noexcept { return failures_ > 0 || throttles_ > 0 || refusals_ > 0; }

    /// The number of a request that starts now.
    std::uint64_t start() noexcept { return ++started_; }

    void acked(std::uint64_t request) noexcept {
        if (request <= known_trouble_) return;  // older than the trouble: says nothing about its end
        failures_ = throttles_ = refusals_ = 0;
        window_ = std::min<double>(most_, window_ + 1 / window_);
    }

    /// @param hint  the service's own; at most 5 s longer than ours is obeyed
    void throttled(std::uint64_t request, time_point now, nanoseconds hint, std::uint64_t random) noexcept {
        if (is_news(request)) {
            grow(throttles_);
            window_ = std::max(1.0, window_ / 2);
        }
        const nanoseconds own = random_pause(core::overload_base, throttles_, random);
        pause(now, std::max(own, std::min(hint, own + most_hint)));
    }

    /// True: this one made it an outage.
    bool failed(std::uint64_t request, time_point now, std::uint64_t random) noexcept {
        const bool was = outage();
        if (failures_ == 0) failing_since_ = now;
        if (is_news(request)) grow(failures_);
        if (outage()) {
            window_ = 1;
            pause(now, core::jittered(probe_pause(now), jitter::equal, random));
        } else {
            pause(now, random_pause(transient_base, failures_, random));
        }
        return outage() && !was;
    }

    /// Somebody has to change something; nobody says when.
    void refused(std::uint64_t request, time_point now, std::uint64_t random) noexcept {
        if (is_news(request)) grow(refusals_);
        pause(now, core::jittered(cap_, jitter::equal, random));
    }

    /// It may be over soon.
    void puzzled(std::uint64_t request, time_point now, std::uint64_t random) noexcept {
        pause(now, next_refusal(request, random));
    }

    /// The same, until @ref keys_came at most; that ends no other pause.
    void waits_for_keys(std::uint64_t request, time_point now, std::uint64_t random) noexcept {
        keys_at_ = std::max(keys_at_, core::saturating_add(now, next_refusal(request, random)));
    }
    void keys_came(time_point now) noexcept { keys_at_ = std::min(keys_at_, now); }

    /// Time is short: tries at once, and often.
    void hurry(time_point now) noexcept {
        cap_ = std::min(cap_, core::overload_base);
        resume_at_ = std::min(resume_at_, now);
        keys_came(now);
    }

private:
    static constexpr int failures_of_an_outage = 5;
    static constexpr int probe_share = 8;
    static constexpr nanoseconds transient_base = std::chrono::milliseconds(100);
    static constexpr nanoseconds longest_pause = std::chrono::seconds(30);
    static constexpr nanoseconds most_hint = std::chrono::seconds(5);

    static void grow(int& count) noexcept { count = std::min(count, std::numeric_limits<int>::max() - 1) + 1; }

    /// False for those that were on their way when the last trouble came.
    bool is_news(std::uint64_t request) noexcept {
        if (request <= known_trouble_) return false;
        known_trouble_ = started_;
        return true;
    }

    /// By how much an outage may become longer: a share of what it took so far. A probe is a small batch, and not more often than
    /// requests are while all is well.
    nanoseconds probe_pause(time_point now) const noexcept {
        return std::min(std::max<nanoseconds>((now - failing_since_) / probe_share, core::overload_base), cap_);
    }

    nanoseconds next_refusal(std::uint64_t request, std::uint64_t random) noexcept {
        if (is_news(request)) grow(refusals_);
        return core::jittered(core::doubled(core::overload_base, refusals_ - 1, cap_), jitter::equal, random);
    }

    nanoseconds random_pause(nanoseconds base, int failed, std::uint64_t random) const noexcept {
        return core::jittered(core::doubled(base, failed - 1, cap_), jitter::full, random);
    }

    void pause(time_point now, nanoseconds span) noexcept {
        resume_at_ = std::max(resume_at_, core::saturating_add(now, span));
    }

    int most_;
    double window_ = 1;
    int failures_ = 0, throttles_ = 0, refusals_ = 0;  ///< in a row
    nanoseconds cap_ = longest_pause;
    std::uint64_t started_ = 0, known_trouble_ = 0;  ///< the last request, and the last that a trouble was known to
    time_point resume_at_ = time_point::min(), keys_at_ = time_point::min();
    time_point failing_since_{};  ///< while there are failures
};

}  // namespace kedge::aws::detail
