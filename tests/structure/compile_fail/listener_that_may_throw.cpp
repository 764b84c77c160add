// SPDX-License-Identifier: BSL-1.0
// expect: is_nothrow_invocable
#include <kedge/core/event.hpp>

#ifdef CORRECTED
kedge::listener heard([](const kedge::event&) noexcept {});
#else
kedge::listener heard([](const kedge::event&) {});
#endif
