// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>

#include <functional>
#include <map>
#include <string>

namespace kedge::config {

/// Variables by name: those of a process, or those of a test.
using environment = std::map<std::string, std::string, std::less<>>;

/** A copy of the process's environment; the only place that reads it. Call it before threads start: nothing makes reading it
 *  safe against a `setenv` elsewhere. Of a name that is there twice the first counts, as for `getenv`.
 */
environment process_environment();

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/environment.ipp>
#endif
