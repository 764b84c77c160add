// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/sql/params.hpp>

namespace kedge {

KEDGE_DECL params::params() noexcept = default;
KEDGE_DECL params::params(const params&) = default;
KEDGE_DECL params::params(params&& other) noexcept
    : values_(std::move(other.values_)), size_(std::exchange(other.size_, 0)) {}
KEDGE_DECL params& params::operator=(const params&) = default;
KEDGE_DECL params& params::operator=(params&& other) noexcept {
    values_ = std::move(other.values_);
    size_ = std::exchange(other.size_, 0);
    return *this;
}
KEDGE_DECL params::~params() = default;

KEDGE_DECL void params::reserve(std::size_t count) { values_ = std::make_shared<sql_value[]>(count); }
KEDGE_DECL void params::put_null() { ++size_; }
KEDGE_DECL void params::put_bool(bool v) { values_[size_++] = v; }
KEDGE_DECL void params::put_integer(std::int64_t v) { values_[size_++] = v; }
KEDGE_DECL void params::put_real(double v) { values_[size_++] = v; }
KEDGE_DECL void params::put_text(std::string_view v) { values_[size_++] = std::string(v); }
KEDGE_DECL void params::put_bytes(std::span<const std::byte> v) { values_[size_++] = blob(v.begin(), v.end()); }
KEDGE_DECL void params::put_moment(timestamp v) { values_[size_++] = v; }
KEDGE_DECL void params::put_uuid(const uuid& v) { values_[size_++] = v; }
KEDGE_DECL void params::put_integers(integer_array&& v) { values_[size_++] = std::move(v); }
KEDGE_DECL void params::put_texts(text_array&& v) { values_[size_++] = std::move(v); }

KEDGE_DECL error_code check_statement(const sql_text& text, const params& values) noexcept {
    if (const error_code ec = detail::check_text(text.view())) return ec;
    for (const sql_value& one : values) {
        if (const auto* s = std::get_if<std::string>(&one)) {
            if (const error_code ec = detail::check_text(*s)) return ec;
        } else if (const auto* all = std::get_if<text_array>(&one)) {
            for (const auto& element : *all)
                if (const error_code ec = element ? detail::check_text(*element) : error_code()) return ec;
        }
    }
    return {};
}

}  // namespace kedge
