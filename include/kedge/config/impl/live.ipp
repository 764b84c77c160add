// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/impl/checks.hpp>
#include <kedge/config/live.hpp>
#include <kedge/config/table.hpp>

#include <algorithm>
#include <utility>

namespace kedge::config {

namespace detail {

inline load_options with_environment(load_options options) {
    if (!options.process) options.process = process_environment();
    return options;
}

/// What holds after a reload: of `now`, but what needs a restart is left as it was.
inline configuration merged(const configuration& old, configuration now, reloaded& did) {
    loading mixed{std::move(now)};
    for (std::size_t i = 0; i < table().size(); ++i) {
        const row& r = table()[i];
        if (same(r, old.values, mixed.out.values)) continue;
        (r.reloadable ? did.changed : did.kept).push_back(old.prefix + std::string(r.name));
        if (r.reloadable) continue;
        copy(r, old.values, mixed.out.values);
        mixed.out.sources[i] = old.sources[i];
    }
    if (!did.kept.empty()) check_together(mixed);
    if (!mixed.problems.empty()) throw bad_settings(std::move(mixed.problems), mixed.out.notes);
    return std::move(mixed.out);
}

}  // namespace detail

KEDGE_DECL live::live(load_options options)
    : options_(detail::with_environment(std::move(options))), current_(std::make_shared<configuration>(load(options_))) {}

KEDGE_DECL std::shared_ptr<const configuration> live::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

KEDGE_DECL reloaded live::reload() {
    const std::lock_guard alone(one_at_a_time_);
    const std::shared_ptr<const configuration> old = current();
    reloaded did;
    auto next = std::make_shared<const configuration>(detail::merged(*old, load(options_), did));
    for (const std::string& note : next->notes)
        if (std::ranges::find(old->notes, note) == old->notes.end()) did.notes.push_back(note);
    {
        const std::lock_guard lock(mutex_);
        current_ = next;
    }
    std::erase_if(followers_, [&](const follower& one) {
        const auto alive = one.while_there.lock();
        if (alive) one.hear(*next);
        return !alive;
    });
    return did;
}

KEDGE_DECL void live::follow(std::weak_ptr<const void> while_there, std::function<void(const configuration&)> hear) {
    const std::lock_guard alone(one_at_a_time_);
    hear(*current());
    followers_.push_back({std::move(while_there), std::move(hear)});
}

}  // namespace kedge::config
