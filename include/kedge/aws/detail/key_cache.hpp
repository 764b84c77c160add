// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_provider.hpp>
#include <kedge/aws/detail/key_source.hpp>
#include <kedge/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace kedge::aws::detail {

/// When keys are looked for again.
namespace key_timing {
inline constexpr nanoseconds ahead = std::chrono::minutes(15);   ///< of their end; as AWS's libraries
inline constexpr int shortest_share = 4;                         ///< keys that live shorter: for the last quarter of their life
inline constexpr int jitter_share = 3;  ///< up to a third of that earlier: machines that started together
inline constexpr nanoseconds grace = std::chrono::minutes(15);   ///< past their end they still go out, while no new ones come
inline constexpr nanoseconds calm = std::chrono::minutes(1);  ///< between two looks that nobody forced; files are read as often
inline constexpr nanoseconds forced_apart = std::chrono::seconds(30);
inline constexpr nanoseconds first_pause = std::chrono::seconds(1);  ///< after a failure, doubled with each further one
}  // namespace key_timing

/// Two clocks of one moment: keys end by the time of day, pauses by the one that never jumps.
struct key_moment {
    time_point steady{};
    http::wall_time wall{};
};

/** Keys with an end: decides when they are given out and when their source is looked at. No clock, no lock, no I/O.
 *
 *  One look at a time. While it lasts the old keys go out; only who cannot be given any has to wait.
 */
class key_cache {
public:
    struct decision {
        bool answer = false;  ///< now; else it has to wait for the look
        bool look = false;    ///< starts now
    };

    decision get(const key_moment& now) noexcept {
        const bool usable = is_usable(now), look = !looking_ && now.steady >= not_before_ && is_due(now);
        if (look) start(now.steady);
        return {usable || !looking_, look};
    }

    /// Asked for keys that are new: a look less than 30 s ago has told what there is.
    decision refresh(const key_moment& now) noexcept {
        const bool look = !looking_ && (!looked_ || now.steady - looked_at_ >= key_timing::forced_apart);
        if (look) start(now.steady);
        return {!looking_, look};
    }

    /// The end of a look.
    void arrived(found_keys what, const key_moment& now, std::uint64_t random) noexcept {
        looking_ = false;
        if (what.how != found_keys::outcome::keys) return fail(std::move(what.reason), now.steady, random);
        failures_ = 0;
        is_old_news_ = keys_ && same(*keys_, *what.keys);
        if (what.expires && !(is_old_news_ && what.expires == expires_))  // else new ones are still due
            renew_at_ = *what.expires - share_of(*what.expires - now.wall, random);
        reason_.clear();
        if (!is_old_news_) since_ = now.wall;
        keys_ = std::move(what.keys);
        expires_ = what.expires;
        changes_ = what.may_change;
        not_before_ = fresh_until_ = now.steady + key_timing::calm;
    }

    /// For whom @ref get lets go.
    credentials_answer answer(const key_moment& now) const {
        if (is_usable(now)) return {keys_, {}};
        return {nullptr, reason_.empty() ? "the AWS credentials have expired" : reason_};
    }

    /// For whom @ref refresh lets go.
    credentials_answer news(const key_moment& now) const {
        if (!reason_.empty()) return {nullptr, reason_};
        if (is_old_news_) return {nullptr, "the source of the AWS credentials still has the same ones"};
        return answer(now);
    }

    bool is_looking() const noexcept { return looking_; }
    int failures() const noexcept { return failures_; }
    std::uint64_t failed_looks() const noexcept { return failed_looks_; }
    const std::optional<http::wall_time>& expires() const noexcept { return expires_; }
    const std::optional<http::wall_time>& since() const noexcept { return since_; }

private:
    static bool same(const credentials& a, const credentials& b) noexcept {
        return a.access_key_id() == b.access_key_id() && a.secret_access_key().reveal() == b.secret_access_key().reveal() &&
               a.session_token().reveal() == b.session_token().reveal();
    }

    /// How long before their end keys with that much life left are renewed.
    static http::wall_time::duration share_of(http::wall_time::duration left, std::uint64_t random) noexcept {
        using span = http::wall_time::duration;
        const span own = std::clamp<span>(left / key_timing::shortest_share, span::zero(),
                                          std::chrono::duration_cast<span>(key_timing::ahead));
        return own + own / key_timing::jitter_share / 1024 * static_cast<int>(random % 1024);
    }

    /// What just came goes out whatever our clock says of it: the clock may be wrong, and the service decides.
    bool is_usable(const key_moment& now) const noexcept {
        if (!keys_) return false;
        return !expires_ || now.wall < *expires_ + key_timing::grace || now.steady < fresh_until_;
    }

    bool is_due(const key_moment& now) const noexcept { return !keys_ || (expires_ ? now.wall >= renew_at_ : changes_); }

    void start(time_point now) noexcept {
        looking_ = looked_ = true;
        looked_at_ = now;
    }

    void fail(std::string reason, time_point now, std::uint64_t random) noexcept {
        reason_ = std::move(reason);
        const nanoseconds longest = std::min(key_timing::first_pause * (1 << std::min(failures_, 6)), key_timing::calm);
        not_before_ = now + longest / 2 + longest / 2 / 1024 * static_cast<int>(random % 1024);
        ++failures_;
        ++failed_looks_;
    }

    std::shared_ptr<const credentials> keys_{};
    std::optional<http::wall_time> expires_{}, since_{};
    http::wall_time renew_at_{};
    bool changes_ = false, looking_ = false, looked_ = false, is_old_news_ = false;
    time_point not_before_ = time_point::min(), fresh_until_ = time_point::min(), looked_at_{};
    int failures_ = 0;
    std::uint64_t failed_looks_ = 0;
    std::string reason_{};
};

}  // namespace kedge::aws::detail
