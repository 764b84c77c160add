// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/beast/zlib/inflate_stream.hpp>
#include <boost/crc.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace aws_test {

inline std::uint32_t number_at(const std::string& text, std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = 4; i-- > 0;) out = out << 8 | static_cast<unsigned char>(text[at + i]);
    return out;
}

/// What one gzip member has in it; nothing if anything is wrong with it.
inline std::string gunzip(const std::string& from) {
    namespace zlib = boost::beast::zlib;
    if (from.size() < 18 || from.substr(0, 4) != std::string("\x1f\x8b\x08\0", 4)) return {};
    const std::size_t size = number_at(from, from.size() - 4);
    std::string out(size + 1, '\0');  // room for more than there should be
    zlib::z_params all;
    all.next_in = from.data() + 10;
    all.avail_in = from.size() - 10;  // with the tail: Beast reads beyond the end
    all.next_out = out.data();
    all.avail_out = out.size();
    boost::system::error_code ec;
    zlib::inflate_stream stream;
    stream.write(all, zlib::Flush::sync, ec);
    out.resize(all.total_out);
    boost::crc_32_type sum;
    sum.process_bytes(out.data(), out.size());
    const bool whole = ec == zlib::error::end_of_stream && out.size() == size;
    return whole && sum.checksum() == number_at(from, from.size() - 8) ? out : std::string();
}

}  // namespace aws_test
