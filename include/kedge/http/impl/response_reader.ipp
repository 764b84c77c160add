// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/impl/characters.hpp>
#include <kedge/http/impl/response_reader.hpp>

#include <algorithm>
#include <charconv>

namespace kedge::http::detail {

KEDGE_DECL std::size_t response_reader::feed(std::string_view bytes, error_code& ec) {
    const std::size_t given = bytes.size();
    while (!bytes.empty() && !done() && !ec) {
        if (state_ == state::body || state_ == state::chunk) {
            on_body(bytes);
            continue;
        }
        const auto end = bytes.find('\n');
        const std::size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
        const bool sizing = state_ == state::chunk_size || state_ == state::chunk_end;
        (sizing ? chunk_bytes_ : head_bytes_) += taken;
        if (head_bytes_ > max_head || (sizing && line_.size() + taken > max_line) ||
            chunk_bytes_ > max_head + max_chunking * response_.body.size()) {
            ec = errc::response_too_large;
            break;
        }
        std::string_view line = bytes.substr(0, taken);
        bytes.remove_prefix(taken);
        const bool whole = end != std::string_view::npos;
        if (!whole || !line_.empty()) line = line_.append(line);  // only what comes in pieces is copied
        if (!whole) break;
        if (!line.ends_with("\r\n")) ec = errc::bad_response;
        else on_line(line.substr(0, line.size() - 2), ec);
        line_.clear();
    }
    return given - bytes.size();
}

KEDGE_DECL void response_reader::on_line(std::string_view line, error_code& ec) {
    switch (state_) {
    case state::status_line: ec = on_status(line); break;
    case state::fields: ec = line.empty() ? on_head_end() : on_field(line); break;
    case state::chunk_size: ec = on_chunk_size(line); break;
    case state::chunk_end:
        if (!line.empty()) ec = errc::bad_response;
        state_ = state::chunk_size;
        break;
    case state::trailers:
        if (line.empty()) state_ = state::done;
        else if (!is_field_value(line)) ec = errc::bad_response;
        break;
    default: ec = errc::bad_response;
    }
}

KEDGE_DECL error_code response_reader::on_status(std::string_view line) {
    began_ = true;
    response_ = {};
    has_length_ = chunked_ = false;
    length_ = 0;
    const bool shaped = line.size() >= 12 && (line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ")) &&
                        is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) &&
                        (line.size() == 12 || line[12] == ' ') && is_field_value(line);
    if (!shaped) return errc::bad_response;
    response_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (response_.status < 100 || response_.status > 599 || response_.status == 101) return errc::bad_response;
    old_version_ = line[7] == '0';
    keep_alive_ = !old_version_;
    response_.headers.reserve(usual_fields);
    state_ = state::fields;
    return {};
}

KEDGE_DECL error_code response_reader::on_field(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return errc::bad_response;
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    // a folded line begins with a blank, which no token has
    if (!is_token(name) || !is_field_value(value) || !note_framing(name, value)) return errc::bad_response;
    if (response_.headers.size() == max_fields) return errc::response_too_large;
    response_.headers.push_back({std::string(name), std::string(value)});
    return {};
}

/// @return false if it makes the end of the message doubtful
KEDGE_DECL bool response_reader::note_framing(std::string_view name, std::string_view value) {
    if (same_name(name, "content-length")) {
        if (has_length_ || chunked_ || value.empty() || !is_digit(value[0])) return false;
        const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), length_);
        return has_length_ = failed == std::errc() && end == value.data() + value.size();
    }
    if (same_name(name, "transfer-encoding")) {
        if (has_length_ || chunked_ || old_version_) return false;
        return chunked_ = same_name(value, "chunked");
    }
    if (same_name(name, "connection")) {
        for (std::string_view rest = value; !rest.empty();) {
            const auto comma = rest.find(',');
            if (same_name(trimmed(rest.substr(0, comma)), "close")) keep_alive_ = false;
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
    }
    return true;
}

KEDGE_DECL error_code response_reader::on_head_end() {
    if (response_.status < 200) {
        if (has_length_ || chunked_ || ++interim_ > max_interim) return errc::bad_response;
        state_ = state::status_line;
        return {};
    }
    const bool bodiless = head_request_ || response_.status == 204 || response_.status == 304;
    if (response_.status == 204 && (chunked_ || (has_length_ && length_ > 0))) return errc::bad_response;
    if (!bodiless && !has_length_ && !chunked_) return errc::bad_response;
    if (!bodiless && length_ > max_body_) return errc::response_too_large;
    left_ = has_length_ ? length_ : 0;
    if (bodiless) state_ = state::done;
    else if (chunked_) state_ = state::chunk_size;
    else state_ = left_ > 0 ? state::body : state::done;
    return {};
}

KEDGE_DECL error_code response_reader::on_chunk_size(std::string_view line) {
    const std::string_view digits = trimmed(line.substr(0, line.find(';')));
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
    if (digits.empty() || failed != std::errc() || end != digits.data() + digits.size())
        return errc::bad_response;
    if (left_ > max_body_ - response_.body.size()) return errc::response_too_large;
    state_ = left_ > 0 ? state::chunk : state::trailers;
    return {};
}

KEDGE_DECL void response_reader::on_body(std::string_view& bytes) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    response_.body.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    left_ -= taken;
    if (left_ == 0) state_ = state_ == state::body ? state::done : state::chunk_end;
}

}  // namespace kedge::http::detail
