// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/impl/read_file.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/http/impl/characters.hpp>
#include <kedge/payment/secret.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::aws::detail {

/// Runs `work`, which throws nothing, on a thread that may be blocked, and then `done` with its result on `ex`.
template <class Work, class Done> void elsewhere(const boost::asio::any_io_executor& ex, Work work, Done done) {
    runtime::of(ex).run_blocking([ex, work = std::move(work), done = std::move(done)]() mutable {
        kedge::detail::post_to(ex, [result = work(), done = std::move(done)]() mutable { done(std::move(result)); });
    });
}

/// What shows who asks: the whole text of a file, or why there is none.
struct identity_token {
    secret<std::string> value{};
    std::string reason{};
};

/// Files end with a line end, which would split a header.
inline identity_token read_token(const std::string& path) noexcept {
    try {
        const config::detail::file_text file = config::detail::read_file(path);
        if (file.why_not) return {{}, file.why_not};
        std::string_view text = file.text.reveal();
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
        if (text.empty()) return {{}, "the file is empty"};
        if (!http::detail::is_field_value(text)) return {{}, "the file has more than one line, or a control character"};
        return {secret<std::string>(std::string(text)), {}};
    } catch (const std::exception& e) {
        return {{}, e.what()};
    }
}

}  // namespace kedge::aws::detail
