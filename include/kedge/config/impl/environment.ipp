// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/environment.hpp>

#include <string_view>

#include <unistd.h>

namespace kedge::config {

KEDGE_DECL environment process_environment() {
    environment found;
    for (char** one = ::environ; one != nullptr && *one != nullptr; ++one) {
        const std::string_view line(*one);
        const auto equals = line.find('=');
        if (equals != std::string_view::npos) found.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return found;
}

}  // namespace kedge::config
