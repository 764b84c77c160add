// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace kedge {

/// The state of a @ref retry_budget at one moment.
struct retry_budget_snapshot {
    double tokens = 0;  ///< each pays for one retry
    int cap = 0;
};

}  // namespace kedge
