// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/console_sink.hpp>

#include <exception>

namespace kedge::log {

KEDGE_DECL void console_sink::write(const record& what) noexcept {
    try {
        std::string text;
        format_(what, text);
        text += '\n';
        // One call: the stream's own lock keeps records of different threads apart.
        const bool whole = std::fwrite(text.data(), 1, text.size(), stream_) == text.size();
        if (whole && std::fflush(stream_) == 0) return tally_.wrote();
    } catch (const std::exception&) {  // no memory
    }
    tally_.failed();
}

KEDGE_DECL void console_sink::flush() noexcept { std::fflush(stream_); }

}  // namespace kedge::log
