// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/journal.hpp>

#include <algorithm>

namespace kedge::payment {

KEDGE_DECL standing memory_journal::begin_locked(const intent& what, error_code& ec) {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = entries_.try_emplace(what.key.text(), entry{what, {what.key, outcome::unknown, {}}, next_, true});
    entry& e = at->second;
    if (is_new) {
        ++next_;
        return {};
    }
    if (e.what.fingerprint != what.fingerprint) {
        ec = errc::key_conflict;
        return {};
    }
    const standing before{true, e.how.outcome, e.how.provider_id};
    // What was certainly not executed may be tried again, and is open again from here on.
    if (before.outcome == outcome::not_sent || before.outcome == outcome::rejected) {
        std::erase(settled_, what.key.text());
        e.open = true;
        e.how.outcome = outcome::unknown;
    }
    return before;
}

KEDGE_DECL void memory_journal::begin(const intent& what, begin_handler handler) {
    error_code ec;
    standing before = begin_locked(what, ec);
    handler(ec, std::move(before));
}

KEDGE_DECL void memory_journal::settle(const settlement& how, settle_handler handler) {
    {
        const std::lock_guard lock(mutex_);
        const auto at = entries_.find(how.key.text());
        if (at != entries_.end()) {
            entry& e = at->second;
            e.how = how;
            const bool open = how.outcome == outcome::pending || how.outcome == outcome::unknown;
            if (e.open && !open) settled_.push_back(how.key.text());
            e.open = open;
            for (; settled_.size() > settled_kept_; settled_.pop_front()) entries_.erase(settled_.front());
        }
    }
    handler({});
}

KEDGE_DECL std::vector<intent> memory_journal::open_intents() const {
    const std::lock_guard lock(mutex_);
    std::vector<const entry*> open;
    for (const auto& [key, e] : entries_)
        if (e.open) open.push_back(&e);
    std::ranges::sort(open, {}, [](const entry* e) { return e->number; });
    std::vector<intent> out;
    out.reserve(open.size());
    for (const entry* e : open) out.push_back(e->what);
    return out;
}

}  // namespace kedge::payment
