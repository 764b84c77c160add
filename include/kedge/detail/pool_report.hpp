// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/connection_pool.hpp>
#include <kedge/detail/pool_entry.hpp>

#include <algorithm>
#include <cstring>

namespace kedge::detail {

inline bool same_place(const holder& h, const connection_slot& s) noexcept {
    return h.place.line() == s.place.line() && h.tag == s.tag &&
           std::strcmp(h.place.file_name(), s.place.file_name()) == 0;
}

/// Who holds the connections, by place and tag; the four largest groups of the first sixteen that are found.
inline void fill_holders(pool_report& report, const core::connection_pool& pool, time_point now) noexcept {
    std::array<holder, 16> groups{};
    std::size_t found = 0;
    for (const core::pool_slot* s = pool.slots(); s; s = s->sibling) {
        if (s->state != core::slot_state::lent) continue;
        const auto& slot = static_cast<const connection_slot&>(*s);
        auto* const end = groups.begin() + found;
        auto* const group = std::find_if(groups.begin(), end, [&](const holder& h) { return same_place(h, slot); });
        if (group == groups.end()) continue;
        if (group == end) *group = {slot.place, slot.tag, nanoseconds::zero(), 0}, ++found;
        group->held = std::max(group->held, now - slot.since);
        ++group->count;
    }
    std::sort(groups.begin(), groups.begin() + found, [](const holder& a, const holder& b) {
        if (a.count != b.count) return a.count > b.count;
        if (a.held != b.held) return a.held > b.held;
        return a.place.line() < b.place.line();
    });
    std::copy_n(groups.begin(), report.holders.size(), report.holders.begin());
}

/// @param refused how many are being refused this moment; they were waiting until now, since `oldest`
inline pool_report report_of(const core::connection_pool& pool, time_point now, int refused,
                             time_point oldest) noexcept {
    pool_report report;
    report.used = pool.used();
    report.max = pool.max();
    report.waiting = pool.waiting() + refused;
    report.dialing = pool.dialing();
    report.resetting = pool.resetting() + pool.closing();
    if (pool.oldest()) oldest = std::min(oldest, pool.oldest()->since);
    if (oldest < now) report.oldest_wait = now - oldest;
    report.last_connect_error = pool.pace().last_error();
    fill_holders(report, pool, now);
    return report;
}

}  // namespace kedge::detail
