// SPDX-License-Identifier: BSL-1.0
#pragma once

// All of the configuration.

#include <kedge/config/clients.hpp>
#include <kedge/config/documents.hpp>
#include <kedge/config/env_file.hpp>
#include <kedge/config/environment.hpp>
#include <kedge/config/live.hpp>
#include <kedge/config/load.hpp>
#include <kedge/config/settings.hpp>
#include <kedge/config/sinks.hpp>
#include <kedge/config/table.hpp>
