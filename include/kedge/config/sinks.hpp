// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/live.hpp>
#include <kedge/config/load.hpp>
#include <kedge/log/python_format.hpp>
#include <kedge/log/sink.hpp>

#include <cstdio>
#include <memory>

namespace kedge::config {

log::formatter formatter_of(log_format) noexcept;

/** The sink that the settings of the log ask for: console, CloudWatch or both, behind a filter for the level.
 *
 *  With only CloudWatch asked for, the console stands in while that loses records (@ref log::fallback_sink). Where CloudWatch is
 *  asked for and not given, the console takes its place, and one record says so.
 *  @param cloudwatch  made of @ref aws_options by the program that links it; may be null
 *  @param console     stays the caller's and must outlive the sink
 */
std::shared_ptr<log::sink> log_sink(const configuration&, std::shared_ptr<log::sink> cloudwatch = nullptr,
                                    std::FILE* console = stderr);

/// The same, whose level is always that of the last reload.
std::shared_ptr<log::sink> log_sink(live&, std::shared_ptr<log::sink> cloudwatch = nullptr, std::FILE* console = stderr);

/// Writes each note of the configuration as one record.
void write_notes(const configuration&, log::sink&);

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/sinks.ipp>
#endif
