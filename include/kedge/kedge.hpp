// SPDX-License-Identifier: BSL-1.0
#pragma once

// Layers 1 to 3. The clients and everything that needs another library have headers of their own.

#include <kedge/associated_attempt.hpp>
#include <kedge/blocking.hpp>
#include <kedge/canceller.hpp>
#include <kedge/call.hpp>
#include <kedge/circuit_breaker.hpp>
#include <kedge/concurrency_limit.hpp>
#include <kedge/connection_pool.hpp>
#include <kedge/error.hpp>
#include <kedge/health_monitor.hpp>
#include <kedge/idempotent.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/retry.hpp>
#include <kedge/retry_budget.hpp>
#include <kedge/runtime.hpp>
#include <kedge/standard.hpp>
#include <kedge/threading.hpp>
#include <kedge/timeout.hpp>
#include <kedge/timer.hpp>
#include <kedge/verdict.hpp>
#include <kedge/version.hpp>
