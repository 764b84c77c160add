// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/byte_channel.hpp"
#include "service_signature.hpp"

#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// As much of ports and HTTP/1.1 as the service needs.

namespace aws_test {

/// A socket bound to a port of loopback, 0 for any. Another one may have the same port, and hold it while this one is closed.
inline int bound_socket(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("no port on loopback");
    return fd;
}

inline std::uint16_t port_of(int fd) {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    return ntohs(at.sin_port);
}

inline heard_request parse_head(std::string_view head) {
    heard_request out;
    std::vector<std::string> lines = parts_of(head, '\n');
    for (std::string& line : lines)
        if (line.ends_with('\r')) line.pop_back();
    const std::vector<std::string> first = parts_of(lines.front(), ' ');
    if (first.size() != 3 || first[2] != "HTTP/1.1") throw std::runtime_error("no request line");
    out.method = first[0], out.target = first[1];
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::size_t colon = lines[i].find(':');
        if (colon == std::string::npos) throw std::runtime_error("no header");
        std::string name = lines[i].substr(0, colon), value = lines[i].substr(colon + 1);
        std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        const std::size_t from = value.find_first_not_of(" \t"), last = value.find_last_not_of(" \t");
        out.headers.emplace_back(name, from == std::string::npos ? "" : value.substr(from, last - from + 1));
    }
    return out;
}

/// The next request of a connection; nothing at its end. `text` is what was received and not used.
inline std::optional<heard_request> receive(kedge_test::byte_channel& client, std::string& text) {
    std::size_t end = 0;
    while ((end = text.find("\r\n\r\n")) == std::string::npos)
        if (!client.receive_more(text)) return std::nullopt;
    heard_request out = parse_head(std::string_view(text).substr(0, end));
    const std::size_t size = end + 4 + std::stoul("0" + out.field("content-length"));
    text.reserve(size);
    while (text.size() < size)
        if (!client.receive_more(text)) return std::nullopt;
    out.body = text.substr(end + 4, size - end - 4);
    text.erase(0, size);
    out.when = std::chrono::steady_clock::now();
    return out;
}

inline std::string http_date(std::chrono::system_clock::time_point when) {
    const auto days = std::chrono::floor<std::chrono::days>(when);
    const std::string t = compact_time(when);
    const unsigned month = static_cast<unsigned>(std::stoi(t.substr(4, 2)));
    constexpr std::string_view names = "SunMonTueWedThuFriSat", months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const std::string day(names.substr(std::chrono::weekday(days).c_encoding() * 3, 3));
    return day + ", " + t.substr(6, 2) + " " + std::string(months.substr((month - 1) * 3, 3)) + " " + t.substr(0, 4) + " " +
           t.substr(9, 2) + ":" + t.substr(11, 2) + ":" + t.substr(13, 2) + " GMT";
}

inline std::string http_answer(int status, std::chrono::system_clock::time_point when, std::string_view headers,
                               std::string_view body) {
    std::string out = "HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Type: application/x-amz-json-1.1\r\nDate: " +
                      http_date(when) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return ((out += headers) += "\r\n") += body;
}

}  // namespace aws_test
