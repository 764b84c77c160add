// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/aws/detail/settled_ranges.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace kedge::aws::detail {

/** Gathers which records on disk are done with. */
class settlements {
public:
    /// What was acknowledged. May throw without memory: then some come again after a restart.
    void note(const batch_list& spent) {
        for (const event_batch* b = spent.front(); b; b = b->next.get()) note(b->events);
    }
    /// What was refused, and handed over.
    void note(const std::array<event_list, rejections>& refused) {
        for (const event_list& list : refused) note(list);
    }

    bool any() const noexcept { return !ranges_.empty() || !taken_.empty(); }
    /// For the disk. They are kept until @ref told.
    std::vector<sequence_range> take() {
        taken_.insert(taken_.end(), ranges_.begin(), ranges_.end());
        ranges_.clear();
        return taken_;
    }
    void told() noexcept { taken_.clear(); }

private:
    void note(const event_list& events) {
        for (const log_event* e = events.front(); e; e = e->next)
            if (e->sequence != 0 && (e->share == 1 || is_last_share(*e))) add(e->sequence);
    }

    void add(std::uint64_t sequence) {
        if (!ranges_.empty() && ranges_.back().last + 1 == sequence) ++ranges_.back().last;
        else ranges_.push_back({sequence, sequence});
    }

    /// A text that was split when an endpoint turned out to take less is settled with its last part.
    bool is_last_share(const log_event& part) {
        constexpr double almost = 0.999;  // parts are at most a few thousand, and rounded
        const auto sum = shares_.emplace(part.sequence, 0.0).first;
        if ((sum->second += part.share) < almost) return false;
        shares_.erase(sum);
        return true;
    }

    std::vector<sequence_range> ranges_, taken_;
    std::map<std::uint64_t, double> shares_;
};

}  // namespace kedge::aws::detail
