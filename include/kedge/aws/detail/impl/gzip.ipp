// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/gzip.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/error.hpp>

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

inline constexpr std::size_t gzip_head = 10, gzip_tail = 8;

/// A megabyte of log lines becomes 180 instead of 156 KB, in a third of the time.
inline constexpr int quickest = 1;

/// Least significant byte first.
inline void append_number(std::string& to, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(value >> shift & 0xff);
}

KEDGE_DECL std::string gzip(std::string_view plain) {
    namespace zlib = boost::beast::zlib;
    if (plain.size() <= gzip_head + gzip_tail) return {};
    constexpr std::array<char, gzip_head> head{'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};  // deflate, of no system
    std::string out(plain.size() - 1, '\0');  // a result that needs more is not wanted
    std::copy(head.begin(), head.end(), out.begin());
    zlib::z_params all;
    all.next_in = plain.data();
    all.avail_in = plain.size();
    all.next_out = out.data() + gzip_head;
    all.avail_out = out.size() - gzip_head;
    error_code ec;
    zlib::deflate_stream stream;
    stream.reset(quickest, 15, 8, zlib::Strategy::normal);  // window and memory as usual
    stream.write(all, zlib::Flush::finish, ec);
    if (ec != zlib::error::end_of_stream || all.avail_out < gzip_tail) return {};
    out.resize(gzip_head + all.total_out);
    boost::crc_32_type sum;
    sum.process_bytes(plain.data(), plain.size());
    append_number(out, sum.checksum());
    append_number(out, static_cast<std::uint32_t>(plain.size()));
    return out;
}

}  // namespace kedge::aws::detail
