// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/load.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kedge::config {

/// What a reload did; names as they stand in the table, with the prefix.
struct reloaded {
    std::vector<std::string> changed{};  ///< hold from now on
    std::vector<std::string> kept{};     ///< were changed, but need a restart: what was loaded at first still holds
    std::vector<std::string> notes{};    ///< those that were not there before
};

/** A configuration that can be loaded again, on SIGHUP for instance.
 *
 *  Whoever asks gets an immutable snapshot and keeps it as long as it likes. A client takes its options when it is made: what is
 *  reloaded holds for clients that are made afterwards. Sinks of the log that are made of this follow it.
 *
 *  The process's environment is read once, when this is made. Files are read again, those of secrets as well.
 *  @par Thread safety  All members, from any thread.
 */
class live {
public:
    /// @throws as @ref load
    explicit live(load_options options = {});

    std::shared_ptr<const configuration> current() const;

    /** Loads again and puts the new snapshot in the place of the old one. Settings that are not reloadable keep their values.
     *  Reads files on this thread.
     *  @throws as @ref load, for the values that would hold; nothing has changed then
     */
    reloaded reload();

    /** Calls `hear` with the snapshot of now, and after each reload with the new one, on the thread of that: one call at a time,
     *  in the order of the snapshots. It must neither throw nor call a member of this but @ref current.
     *  @param while_there  when this is gone, so is `hear`; it is kept alive during a call
     */
    void follow(std::weak_ptr<const void> while_there, std::function<void(const configuration&)> hear);

private:
    struct follower {
        std::weak_ptr<const void> while_there;
        std::function<void(const configuration&)> hear;
    };

    load_options options_;
    std::mutex one_at_a_time_;
    std::vector<follower> followers_;
    mutable std::mutex mutex_;
    std::shared_ptr<const configuration> current_;
};

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/live.ipp>
#endif
