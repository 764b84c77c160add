// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kedge::aws {

/// What an accepted event survives.
enum class spool_sync : std::uint8_t {
    os,    ///< the end of the process, however it comes: the system has the event, its disk perhaps not yet
    each,  ///< a power cut too: `write` waits for the disk
};

/// Where events are kept on disk until they are settled.
struct spool_options {
    std::string directory{};  ///< of this stream alone; made, for its owner only, if its parent is there; empty: no spool
    std::size_t max_bytes = 256 * 1024 * 1024;  ///< of all its files but a small one; 16 MiB or more
    spool_sync sync = spool_sync::os;
};

/** What became of a spool since it was made; `bytes`, `segments`, `working` and `error` are of this moment. */
struct spool_counters {
    std::uint64_t bytes = 0, segments = 0;  ///< on the disk
    bool working = false;                   ///< what comes is written; false: it waits in memory only
    int error = 0;                          ///< `errno` of the last trouble; 0: none since it worked
    std::uint64_t written = 0;              ///< events
    std::uint64_t corrupt = 0;              ///< places at which something was that is no record
    std::uint64_t lost = 0;                 ///< events that were on the disk and could not be read back
    std::uint64_t set_aside = 0;            ///< files of another version, left as they are
    std::uint64_t failures = 0;             ///< writes and openings that failed
};

}  // namespace kedge::aws
