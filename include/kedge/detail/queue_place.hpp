// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/permit.hpp>

#include <boost/intrusive/list_hook.hpp>

namespace kedge::detail {

class limit_state;

/// A call's place in the queue of a concurrency limit; a part of the call, so queueing allocates nothing.
struct queue_place : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    /// Called once, outside locks, on the thread that gave its own place back; `slot` is filled before.
    void (*granted)(queue_place*) noexcept = nullptr;
    permit slot{};
    limit_state* entered = nullptr;  ///< where it stands or stood
    bool waiting = false;            ///< guarded by the queue's lock
};

}  // namespace kedge::detail
