// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "service_signature.hpp"

#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

// As much of sockets and HTTP/1.1 as the service needs.

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

/// Or for an end, or for a client to accept.
inline void wait_for_bytes(int fd) {
    pollfd p{fd, POLLIN, 0};
    while (::poll(&p, 1, -1) < 0) {}
}

/// False also if there is no such socket.
inline bool has_unread(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
}

inline void send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

/// At least one byte more behind `text`; false: there is none.
inline bool receive_more(int fd, std::string& text) {
    const std::size_t had = text.size();
    text.resize(had + 65'536);
    const ssize_t got = ::recv(fd, text.data() + had, text.size() - had, 0);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return got > 0;
}

inline void resets_at_close(int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
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
inline std::optional<heard_request> receive(int fd, std::string& text) {
    std::size_t end = 0;
    while ((end = text.find("\r\n\r\n")) == std::string::npos)
        if (!receive_more(fd, text)) return std::nullopt;
    heard_request out = parse_head(std::string_view(text).substr(0, end));
    const std::size_t size = end + 4 + std::stoul("0" + out.field("content-length"));
    text.reserve(size);
    while (text.size() < size)
        if (!receive_more(fd, text)) return std::nullopt;
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

inline std::string error_body(const std::string& code, const std::string& message) {
    std::string out = R"({"__type":")" + code + R"(","message":")";
    for (const char c : message) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n') out += "\\n";
        else out += c;
    }
    return out + "\"}";
}

}  // namespace aws_test
