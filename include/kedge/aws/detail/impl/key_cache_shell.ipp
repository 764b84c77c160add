// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_cache_shell.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/post_to.hpp>

#include <boost/asio/query.hpp>

#include <exception>
#include <string>
#include <utility>

namespace kedge::aws::detail {

/// Until memory may have come back.
inline constexpr std::chrono::milliseconds memory_pause{100};

KEDGE_DECL key_cache_shell::key_cache_shell(const boost::asio::any_io_executor& ex, std::unique_ptr<key_source> source)
    : executor_(ex), rt_(runtime::of(ex)),
      service_(boost::asio::use_service<kedge::detail::pool_service>(boost::asio::query(ex, boost::asio::execution::context))),
      source_(std::move(source)), limit_(ex) {
    fire = [](timer_node* n) noexcept {
        const auto self = std::exchange(static_cast<key_cache_shell*>(n)->armed_, nullptr);
        const std::lock_guard guard(self->mutex_);
        self->telling_ = false;
        self->tell_next();
    };
    abandon = [](timer_node* n) noexcept {
        const auto last = std::exchange(static_cast<key_cache_shell*>(n)->armed_, nullptr);
    };
    service_.join(*this);
}

KEDGE_DECL key_cache_shell::~key_cache_shell() {
    if (!context_destroyed_) service_.leave(*this);
}

KEDGE_DECL void key_cache_shell::ask(credentials_handler done, bool forced) {
    waiters mine;
    mine.push_back({std::move(done), forced});
    const std::lock_guard guard(mutex_);
    if (context_gone_) return;  // nobody could be told
    const key_cache::decision now = forced ? cache_.refresh(at()) : cache_.get(at());
    if (now.look) start_look();
    if (now.answer) {
        mine.front().what = answer(forced);
        told_.splice(told_.end(), mine);
        return tell_next();
    }
    waiting_.splice(waiting_.end(), mine);
    if (!cache_.is_looking()) reply_to_all();  // the look could not start
    else if (waiting_.size() == 1) limit_wait();
}

/// `mutex_` is held.
KEDGE_DECL void key_cache_shell::start_look() noexcept {
    try {
        kedge::detail::post_to(executor_, [self = shared_from_this()] {
            self->source_->look([self](found_keys what) { self->arrived(std::move(what)); });
        });
    } catch (const std::exception& e) {  // no memory
        cache_.arrived(failed(e.what()), at(), rt_.random());
    }
}

/// `mutex_` is held.
KEDGE_DECL void key_cache_shell::limit_wait() noexcept {
    try {
        limit_.expires_after(longest_wait);
        limit_.async_wait([self = shared_from_this()](error_code ec) {
            if (!ec) self->waited_too_long();
        });
    } catch (const std::exception&) {  // no memory: the limits of the sources still hold
    }
}

/// `mutex_` is held. Without memory for the reason none is given.
KEDGE_DECL credentials_answer key_cache_shell::answer(bool forced) const noexcept {
    try {
        return forced ? cache_.news(at()) : cache_.answer(at());
    } catch (const std::exception&) {
        return {};
    }
}

/// `mutex_` is held.
KEDGE_DECL void key_cache_shell::reply_to_all(const credentials_answer& plain, const credentials_answer& forced) noexcept {
    for (waiter& one : waiting_) {
        const credentials_answer& what = one.forced ? forced : plain;
        try {
            one.what = what;
        } catch (const std::exception&) {
            one.what = {what.keys, {}};
        }
    }
    told_.splice(told_.end(), waiting_);
    tell_next();
}

/// `mutex_` is held.
KEDGE_DECL void key_cache_shell::tell_next() noexcept {
    if (telling_ || told_.empty()) return;
    telling_ = true;
    try {
        kedge::detail::post_to(executor_, [self = shared_from_this()] { self->tell(); });
    } catch (const std::exception&) {
        armed_ = shared_from_this();
        rt_.arm(*this, core::saturating_add(rt_.now(), memory_pause));
    }
}

KEDGE_DECL void key_cache_shell::tell() {
    waiters one;
    {
        const std::lock_guard guard(mutex_);
        telling_ = false;
        if (told_.empty()) return;
        one.splice(one.begin(), told_, told_.begin());
        tell_next();
    }
    one.front().done(std::move(one.front().what));
}

KEDGE_DECL void key_cache_shell::arrived(found_keys what) noexcept {
    const std::lock_guard guard(mutex_);
    if (context_gone_) return;
    cache_.arrived(std::move(what), at(), rt_.random());
    reply_to_all();
    try {
        limit_.cancel();
    } catch (const std::exception&) {  // no memory to tell it so: it is gone all the same
    }
}

/// The look goes on, and what it brings is kept.
KEDGE_DECL void key_cache_shell::waited_too_long() {
    const credentials_answer none{
        nullptr, "no source of AWS credentials has answered within " + std::to_string(longest_wait.count()) + " s"};
    const std::lock_guard guard(mutex_);
    if (rt_.now() >= limit_.expiry()) reply_to_all(none, none);  // else it was for who waited before
}

KEDGE_DECL key_cache_shell::reading key_cache_shell::read() const {
    const std::lock_guard guard(mutex_);
    return {cache_.expires(), cache_.since(), cache_.failures(), cache_.failed_looks()};
}

KEDGE_DECL void key_cache_shell::context_gone() noexcept {
    waiters forgotten, told;
    const std::lock_guard guard(mutex_);
    context_gone_ = true;
    forgotten.swap(waiting_);
    told.swap(told_);
}

}  // namespace kedge::aws::detail
