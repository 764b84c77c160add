// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/sink.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace kedge::log::detail {

/// @throws std::invalid_argument that names whose sink is missing
inline std::shared_ptr<sink> not_null(std::shared_ptr<sink> given, const char* whose) {
    if (!given) throw std::invalid_argument(std::string("kedge::log::") + whose + ": a sink is null");
    return given;
}

}  // namespace kedge::log::detail
