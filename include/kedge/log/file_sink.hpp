// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/tally.hpp>
#include <kedge/log/python_format.hpp>

#include <mutex>
#include <string>

namespace kedge::log {

/** Appends to a file, **synchronously**: `write` blocks as long as the file system does. Several processes may append to
 *  the same file; each record is one write of the system.
 *
 *  What is written survives the process, not a power failure: `flush` does not call `fsync`.
 */
class file_sink final : public sink {
public:
    /// @param path is created when it is missing, readable by owner and group
    /// @throws boost::system::system_error that names the path
    explicit file_sink(std::string path, formatter format = python_format);
    ~file_sink() override;
    file_sink(const file_sink&) = delete;
    file_sink& operator=(const file_sink&) = delete;

    void write(const record&) noexcept override;
    sink_counters counters() const noexcept override { return tally_.read(); }

    /// Opens the path anew, for programs that rotate files by renaming them. On an error the old file stays in use.
    /// @throws boost::system::system_error that names the path
    void reopen();

private:
    int open() const;

    const std::string path_;
    const formatter format_;
    std::mutex mutex_;  // keeps the parts of a record that the system took in pieces together
    int file_;
    detail::tally tally_;
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/file_sink.ipp>
#endif
