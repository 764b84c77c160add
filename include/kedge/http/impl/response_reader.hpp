// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/error.hpp>
#include <kedge/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::http::detail {

/** Reads one HTTP/1.1 response from bytes as they come, and refuses whatever two readers could read differently.
 *  It does no I/O. Trailers are bounded and dropped. */
class response_reader {
public:
    static constexpr std::size_t max_head = 16 * 1024;  ///< of all heads together, interim ones and trailers included
    static constexpr std::size_t max_fields = 256;      ///< of one head
    static constexpr std::size_t usual_fields = 8;      ///< space for them is taken at once
    static constexpr int max_interim = 8;
    static constexpr std::size_t max_line = 256;  ///< of a chunk's size with its extensions
    /// Of all chunks' lines for each byte of body, beside @ref max_head: chunks of one byte have five.
    static constexpr std::size_t max_chunking = 8;

    /// @param head_request the answer to HEAD has no body
    explicit response_reader(std::size_t max_body, bool head_request = false) noexcept
        : max_body_(max_body), head_request_(head_request) {}

    /// Call it until @ref done or an error. @return how many bytes belong to this response
    std::size_t feed(std::string_view bytes, error_code& ec);

    bool done() const noexcept { return state_ == state::done; }
    bool began() const noexcept { return began_; }
    bool keep_alive() const noexcept { return keep_alive_; }
    response& get() noexcept { return response_; }

private:
    enum class state : std::uint8_t { status_line, fields, body, chunk_size, chunk, chunk_end, trailers, done };

    void on_line(std::string_view line, error_code& ec);
    error_code on_status(std::string_view line);
    error_code on_field(std::string_view line);
    error_code on_head_end();
    error_code on_chunk_size(std::string_view line);
    void on_body(std::string_view& bytes);
    bool note_framing(std::string_view name, std::string_view value);

    response response_{};
    std::string line_{};
    state state_ = state::status_line;
    std::size_t head_bytes_ = 0, chunk_bytes_ = 0, max_body_;
    std::uint64_t left_ = 0, length_ = 0;
    int interim_ = 0;
    bool head_request_, began_ = false, keep_alive_ = true, has_length_ = false, chunked_ = false, old_version_ = false;
};

}  // namespace kedge::http::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/response_reader.ipp>
#endif
