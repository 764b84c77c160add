// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/sink.hpp>

namespace kedge::log {

namespace detail {

KEDGE_DECL bool& this_thread_writes() noexcept {
    static thread_local bool writes = false;
    return writes;
}

}  // namespace detail

KEDGE_DECL bool submit(sink& to, const record& what) noexcept {
    bool& writes = detail::this_thread_writes();
    if (writes || !to.should_log(what.severity)) return false;
    writes = true;
    to.write(what);
    writes = false;
    return true;
}

}  // namespace kedge::log
