// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/impl/cancel_desk.hpp>
#include <kedge/postgres/impl/session.hpp>

#include <array>
#include <exception>
#include <thread>
#include <utility>

namespace kedge::postgres::detail {

KEDGE_DECL void cancel_desk::submit(cancel_ticket ticket) {
    const std::lock_guard lock(queue_mutex_);
    if (closed_) return;
    queue_.push_back(std::move(ticket));
    if (at_work_ == cancels_at_once) return;
    try {
        std::thread([self = shared_from_this()] { self->work(); }).detach();
        ++at_work_;
    } catch (const std::exception&) {
        if (at_work_ == 0) queue_.pop_back();  // the session waits for its patience to end
    }
}

KEDGE_DECL bool cancel_desk::take(cancel_ticket& into) noexcept {
    const std::lock_guard lock(queue_mutex_);
    if (queue_.empty()) {
        --at_work_;
        return false;
    }
    into = std::move(queue_.front());
    queue_.pop_front();
    return true;
}

KEDGE_DECL void cancel_desk::work() noexcept {
    for (cancel_ticket ticket; take(ticket);) {
        std::array<char, 256> words{};
        PQcancel(ticket.request.get(), words.data(), static_cast<int>(words.size()));
        ticket.request.reset();
        const std::lock_guard telling(telling_);
        if (closed_) continue;
        if (const auto from = ticket.from.lock()) from->cancel_sent();
    }
}

/// Sessions are not told any more. A thread that waits for a server goes on and ends when that lets it.
KEDGE_DECL void cancel_desk::shutdown() noexcept {
    const std::scoped_lock both(telling_, queue_mutex_);
    closed_ = true;
    queue_.clear();
}

}  // namespace kedge::postgres::detail
