// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/intrusive/list_hook.hpp>

namespace kedge::detail {

using unfinished_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<class unfinished_call>,
                                                         boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// A call that a simulation can name when nothing more can happen and it has not ended. Leaves the list by its end;
/// in real time it is in none.
struct unfinished : unfinished_hook {
    explicit unfinished(const boost::source_location& where) noexcept : place(where) {}

    const boost::source_location& place;
};

}  // namespace kedge::detail
