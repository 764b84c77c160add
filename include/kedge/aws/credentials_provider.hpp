// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials.hpp>
#include <kedge/detail/unique_function.hpp>

#include <memory>
#include <string>

namespace kedge::aws {

/// The keys of one moment, or null and the reason why there are none: what was tried and what is accepted, never a value.
struct credentials_answer {
    std::shared_ptr<const credentials> keys{};
    std::string reason{};
};

using credentials_handler = kedge::detail::unique_function<void(credentials_answer)>;

/** Where the keys of an AWS identity come from.
 *
 *  Duties: call each handler exactly once, on any thread, within a bounded time, never inside @ref get or @ref refresh; ask
 *  the source once, however many wait for it. Handlers that wait when the context of the source goes away are destroyed.
 *  @par Thread safety  Safe from any thread.
 */
class credentials_provider {
public:
    virtual ~credentials_provider() = default;

    /// The keys as they are known, also slightly past their end while new ones are on the way: the service decides.
    virtual void get(credentials_handler done) = 0;

    /// Asks the source anew although the keys seem to be valid: the service refused them. Sources may bound how often.
    /// @param done  gets the new keys, or the reason why there are no new ones
    virtual void refresh(credentials_handler done) = 0;
};

}  // namespace kedge::aws
