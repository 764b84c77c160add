// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <string>

namespace kedge::aws::detail {

using redaction = std::function<void(std::string&)>;

/// False: the text may still hold what it must not, so nobody may see it.
inline bool redact(const redaction& hook, std::string& text) noexcept {
    try {
        if (hook) hook(text);
        return true;
    } catch (...) {  // it is the user's code: it may throw anything
        return false;
    }
}

}  // namespace kedge::aws::detail
