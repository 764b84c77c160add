// SPDX-License-Identifier: BSL-1.0
#pragma once

// All of the log; what pulls in another library has a header of its own.

#include <kedge/log/console_sink.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/log/events.hpp>
#include <kedge/log/fallback_sink.hpp>
#include <kedge/log/file_sink.hpp>
#include <kedge/log/json_format.hpp>
#include <kedge/log/level.hpp>
#include <kedge/log/level_filter.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/log/null_sink.hpp>
#include <kedge/log/payment_error.hpp>
#include <kedge/log/python_format.hpp>
#include <kedge/log/record.hpp>
#include <kedge/log/repeat_filter.hpp>
#include <kedge/log/sink.hpp>
#include <kedge/log/tee_sink.hpp>
