// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/write_all.hpp>
#include <kedge/log/file_sink.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <exception>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace kedge::log {

KEDGE_DECL file_sink::file_sink(std::string path, formatter format)
    : path_(std::move(path)), format_(format), file_(open()) {}

KEDGE_DECL file_sink::~file_sink() { ::close(file_); }

KEDGE_DECL int file_sink::open() const {
    const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (file < 0) throw boost::system::system_error(errno, boost::system::system_category(), "kedge::log::file_sink: " + path_);
    return file;
}

KEDGE_DECL void file_sink::reopen() {
    const int fresh = open();
    int old;
    {
        std::lock_guard lock(mutex_);
        old = std::exchange(file_, fresh);
    }
    ::close(old);
}

KEDGE_DECL void file_sink::write(const record& what) noexcept {
    try {
        std::string text;
        format_(what, text);
        text += '\n';
        std::lock_guard lock(mutex_);
        if (detail::write_all(file_, text)) return tally_.wrote();
    } catch (const std::exception&) {  // no memory
    }
    tally_.failed();
}

}  // namespace kedge::log
