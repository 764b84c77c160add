// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/load.hpp>
#include <kedge/config/table.hpp>

#include <string>

namespace kedge::config {

/// A line for each setting, with its value and where that comes from; secrets are `***`.
std::string effective_settings(const configuration&);

/// What `.env.example` has: each setting with its default or an example, as a comment.
std::string env_example();

/// What `docs/configuration.md` has.
std::string settings_page();

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/documents.ipp>
#endif
