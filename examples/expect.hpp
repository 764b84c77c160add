// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdio>

/// The examples say what they have found, and fail if something is not as their text tells it.
namespace example {

inline bool as_told = true;

inline void expect(bool what, const char* sentence) {
    std::printf("%s  %s\n", what ? "  yes" : "  NO!", sentence);
    as_told = as_told && what;
}

}  // namespace example
