// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/tally.hpp>
#include <kedge/log/python_format.hpp>

#include <cstdio>

namespace kedge::log {

/** Writes to stdout, stderr or any other stream of C, **synchronously**: `write` blocks as long as the terminal or the
 *  pipe behind the stream does. Each record goes out as a whole and is flushed.
 *
 *  The stream stays the caller's and must outlive the sink.
 */
class console_sink final : public sink {
public:
    explicit console_sink(std::FILE* stream = stderr, formatter format = python_format) noexcept
        : stream_(stream), format_(format) {}

    void write(const record&) noexcept override;
    void flush() noexcept override;
    sink_counters counters() const noexcept override { return tally_.read(); }

private:
    std::FILE* stream_;
    formatter format_;
    detail::tally tally_;
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/console_sink.ipp>
#endif
