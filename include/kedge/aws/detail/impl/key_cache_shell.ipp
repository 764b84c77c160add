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

KEDGE_DECL key_cache_shell::key_cache_shell(const boost::asio::any_io_executor& ex, std::unique_ptr<key_source> source)
    : executor_(ex), rt_(runtime::of(ex)),
      service_(boost::asio::use_service<kedge::detail::pool_service>(boost::asio::query(ex, boost::asio::execution::context))),
      source_(std::move(source)), limit_(ex) {
    service_.join(*this);
}

KEDGE_DECL key_cache_shell::~key_cache_shell() {
    if (!context_destroyed_) service_.leave(*this);
}

KEDGE_DECL void key_cache_shell::ask(credentials_handler done, bool forced) {
    const std::lock_guard guard(mutex_);
    if (context_gone_) return;  // nobody could be told
    waiting_.push_back({std::move(done), forced});
    const key_cache::decision now = forced ? cache_.refresh(at()) : cache_.get(at());
    if (now.look) start_look();
    if (now.answer) {
        waiter told = std::move(waiting_.back());
        waiting_.pop_back();
        reply(std::move(told), forced ? cache_.news(at()) : cache_.answer(at()));
    } else if (waiting_.size() == 1) {
        limit_wait();
    }
}

/// `mutex_` is held.
KEDGE_DECL void key_cache_shell::start_look() noexcept {
    try {
        kedge::detail::post_to(executor_, [self = shared_from_this()] {
            self->source_->look([self](found_keys what) { self->arrived(std::move(what)); });
        });
    } catch (const std::exception& e) {  // no memory: who waits hears of it when the time is up
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

KEDGE_DECL void key_cache_shell::reply(waiter to, credentials_answer what) const {
    kedge::detail::post_to(executor_, [done = std::move(to.done), what = std::move(what)]() mutable { done(std::move(what)); });
}

/// `mutex_` is held.
KEDGE_DECL void key_cache_shell::reply_to_all(const credentials_answer& plain, const credentials_answer& forced) {
    std::vector<waiter> told;
    told.swap(waiting_);
    for (waiter& one : told) {
        const bool was_forced = one.forced;
        reply(std::move(one), was_forced ? forced : plain);
    }
}

KEDGE_DECL void key_cache_shell::arrived(found_keys what) noexcept {
    try {
        const std::lock_guard guard(mutex_);
        if (context_gone_) return;
        cache_.arrived(std::move(what), at(), rt_.random());
        limit_.cancel();
        reply_to_all(cache_.answer(at()), cache_.news(at()));
    } catch (const std::exception&) {  // no memory: nobody can be told
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
    std::vector<waiter> forgotten;
    const std::lock_guard guard(mutex_);
    context_gone_ = true;
    forgotten.swap(waiting_);
}

}  // namespace kedge::aws::detail
