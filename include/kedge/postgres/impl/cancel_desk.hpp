// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include <libpq-fe.h>

namespace kedge::postgres::detail {

class session;

/// How many cancel requests one context sends at the same time. Each is a connection of its own to a server that is perhaps
/// overloaded already: when 20 statements time out together, 20 more connections are no help.
inline constexpr std::size_t cancels_at_once = 2;

/// A request to cancel what the server does for a session; nobody needs to wait for it.
struct cancel_ticket {
    std::unique_ptr<PGcancel, void (*)(PGcancel*)> request{nullptr, &PQfreeCancel};
    std::weak_ptr<session> from;
};

/** Sends cancel requests, for all sessions of a context.
 *
 *  libpq 15 sends one only blocking, and without any limit of time: a server that was stopped, or a proxy that swallows bytes,
 *  holds the thread until it goes away. So these threads are none of the @ref runtime's two, which have other work and which the
 *  context's destructor joins: they are the desk's own, let go, and touch nothing of the context once that has ended.
 */
class cancel_desk : public std::enable_shared_from_this<cancel_desk> {
public:
    /// The session is told when the server has taken note (it has closed the connection of the request), or could not be
    /// reached; unless it is gone, or the context.
    void submit(cancel_ticket);
    void shutdown() noexcept;

private:
    void work() noexcept;
    bool take(cancel_ticket&) noexcept;

    std::mutex queue_mutex_;
    std::deque<cancel_ticket> queue_;
    std::size_t at_work_ = 0;
    bool closed_ = false;
    std::mutex telling_;  // held while a session is told, so that the context does not go away meanwhile
};

}  // namespace kedge::postgres::detail
