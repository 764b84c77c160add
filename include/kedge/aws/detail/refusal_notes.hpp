// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/delivery.hpp>

#include <array>
#include <cstddef>

namespace kedge::aws::detail {

/// The fallback is told of each reason at most so often: as often as the stream is told of drops.
inline constexpr nanoseconds refusals_told_every = std::chrono::seconds(10);

using refusal_counts = counts_by<rejection, rejections>;

/** Decides when the fallback is told of events that were refused: at once of the first with its reason, then of all that came
 *  in the pause behind it. */
class refusal_notes {
public:
    /// @return how many are to be told of now, by reason
    refusal_counts note(const delivery_actions& done, time_point now) noexcept {
        refusal_counts due;
        for (std::size_t i = 0; i < rejections; ++i) {
            const auto why = static_cast<rejection>(i);
            untold_[why] += done.refused[i].size();
            const bool is_due = done.closed || (!done.refused[i].empty() && now >= next_[i]);
            if (untold_[why] == 0 || !is_due) continue;
            next_[i] = core::saturating_add(now, refusals_told_every);
            due[why] = std::exchange(untold_[why], 0);
        }
        return due;
    }

private:
    refusal_counts untold_;
    std::array<time_point, rejections> next_{};
};

}  // namespace kedge::aws::detail
