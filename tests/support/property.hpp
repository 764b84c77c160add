// SPDX-License-Identifier: BSL-1.0
#pragma once
// Properties that rapidcheck tries to refute. The cases are the same in every run, unless the environment asks for others:
// RC_PARAMS="max_success=20000" draws new ones, and the line that a failure ends with repeats it.
#include "catch.hpp"

#include <rapidcheck.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>

namespace kedge_test {

/// How many cases it held in.
template <class Property> int holds(const std::string& what, Property property) {
    ::setenv("RC_PARAMS", "seed=1 max_success=4000", 0);  // read once, before the first property
    const auto result = rc::detail::checkTestable(std::move(property), rc::detail::TestMetadata{what, what});
    std::ostringstream told;
    rc::detail::printResultMessage(result, told);
    INFO(told.str());
    const bool held = result.template is<rc::detail::SuccessResult>();
    CHECK(held);
    return held ? result.template get<rc::detail::SuccessResult>().numSuccess : 0;
}

}  // namespace kedge_test
