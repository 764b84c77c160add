// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/record.hpp>

#include <cstdint>

namespace kedge::log {

/// What became of the records that a sink was given since it was made.
struct sink_counters {
    std::uint64_t written = 0;  ///< passed on; for a sink with a queue: accepted
    std::uint64_t dropped = 0;  ///< given up on purpose, e.g. because a queue was full
    std::uint64_t failed = 0;   ///< the destination refused or there was no memory

    std::uint64_t lost() const noexcept { return dropped + failed; }
};

/** Where records go. The interface to implement for a destination of your own.
 *
 *  Nothing in it is asynchronous; a sink with a life of its own adds `async_shutdown(deadline, token)`.
 *
 *  @par Thread safety  All members may be called from any thread at any time; implementations see to it.
 *  @par Exceptions  None: what cannot be written is counted.
 */
class sink {
public:
    virtual ~sink() = default;

    /// Asked before a record is put together, so it should cost next to nothing.
    virtual bool should_log(level) const noexcept { return true; }

    /// The record and all that it refers to is valid until this returns. Whether it may block is said by each sink.
    virtual void write(const record&) noexcept = 0;

    /// Pushes out what was written so far, as far as that is possible without waiting for a network.
    virtual void flush() noexcept {}

    virtual sink_counters counters() const noexcept = 0;
};

/** Gives `what` to `to` if its level passes. The way by which all of kedge logs.
 *
 *  A sink cannot log into itself: what is submitted on this thread while a sink is writing is left out.
 *  @return whether it was given
 */
bool submit(sink& to, const record& what) noexcept;

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/sink.ipp>
#endif
