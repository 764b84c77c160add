// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/journal.hpp>

#include <algorithm>

namespace kedge::payment {

KEDGE_DECL void journal::find(const idempotency_key& key, find_handler handler) const {
    std::optional<entry> found;
    for (intent& one : open_intents())
        if (one.key == key) found = entry{std::move(one)};
    handler({}, std::move(found));
}

KEDGE_DECL memory_journal::memory_journal(std::size_t settled_kept) : settled_kept_(settled_kept) {}

KEDGE_DECL memory_journal::~memory_journal() = default;

KEDGE_DECL standing memory_journal::begin_locked(const intent& what, error_code& ec) {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = entries_.try_emplace(what.key.text(), kept{{what}, next_, true});
    if (is_new) {
        ++next_;
        return {};
    }
    kept& k = at->second;
    entry& e = k.known;
    if (e.what.fingerprint != what.fingerprint) {
        ec = errc::key_conflict;
        return {};
    }
    if (e.outcome == outcome::not_sent) e.what.made = what.made;
    e.what.sent_until = std::max(e.what.sent_until, what.sent_until);
    const standing before{true, e.outcome, e.provider_id, e.what.made};
    // What was certainly not executed may be tried again, and is open again from here on.
    if (before.outcome == outcome::not_sent || before.outcome == outcome::rejected) {
        std::erase(settled_, what.key.text());
        k.open = true;
        e.outcome = outcome::unknown;
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
        const auto final = [](outcome o) { return o == outcome::succeeded || o == outcome::declined; };
        if (at != entries_.end() && !final(at->second.known.outcome)) {
            kept& k = at->second;
            k.known.outcome = how.outcome;
            if (!how.provider_id.empty()) k.known.provider_id = how.provider_id;
            const bool open = how.outcome == outcome::pending || how.outcome == outcome::unknown;
            if (k.open && !open) settled_.push_back(how.key.text());
            if (!k.open && open) std::erase(settled_, how.key.text());
            k.open = open;
            for (; settled_.size() > settled_kept_; settled_.pop_front()) entries_.erase(settled_.front());
        }
    }
    handler({});
}

KEDGE_DECL std::vector<intent> memory_journal::open_intents() const {
    const std::lock_guard lock(mutex_);
    std::vector<const kept*> open;
    for (const auto& [key, k] : entries_)
        if (k.open) open.push_back(&k);
    std::ranges::sort(open, {}, [](const kept* k) { return k->number; });
    std::vector<intent> out;
    out.reserve(open.size());
    for (const kept* k : open) out.push_back(k->known.what);
    return out;
}

KEDGE_DECL void memory_journal::find(const idempotency_key& key, find_handler handler) const {
    std::optional<entry> found;
    {
        const std::lock_guard lock(mutex_);
        if (const auto at = entries_.find(key.text()); at != entries_.end()) found = at->second.known;
    }
    handler({}, std::move(found));
}

}  // namespace kedge::payment
