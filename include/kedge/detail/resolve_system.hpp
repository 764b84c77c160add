// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <netdb.h>

namespace kedge::detail {

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

inline error_code resolver_error(int code) noexcept {
    namespace error = boost::asio::error;
    switch (code) {
    case 0: return {};
    case EAI_AGAIN: return error::host_not_found_try_again;
    case EAI_BADFLAGS: return error::invalid_argument;
    case EAI_FAIL: return error::no_recovery;
    case EAI_FAMILY: return error::address_family_not_supported;
    case EAI_MEMORY: return error::no_memory;
    case EAI_SERVICE: return error::service_not_found;
    case EAI_SOCKTYPE: return error::socket_type_not_supported;
    case EAI_SYSTEM: return {errno, boost::system::system_category()};
    default: return error::host_not_found;
    }
}

/// Blocks for as long as the system's resolver does, and cannot be stopped.
inline error_code resolve_now(const std::string& host, const std::string& service, endpoints& found) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &list)) return resolver_error(code);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, &::freeaddrinfo);
    for (const addrinfo* a = list; a; a = a->ai_next) {
        boost::asio::ip::tcp::endpoint e;
        if (a->ai_addrlen > e.capacity()) continue;
        std::memcpy(e.data(), a->ai_addr, a->ai_addrlen);
        e.resize(a->ai_addrlen);
        found.push_back(e);
    }
    return {};
}

/// Without the network and without files: addresses, and `localhost`; services by number.
inline error_code resolve_literal(const std::string& host, const std::string& service, endpoints& found) {
    error_code ec;
    const auto address = boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
    if (ec) return boost::asio::error::host_not_found;
    unsigned short port = 0;
    const auto [end, failure] = std::from_chars(service.data(), service.data() + service.size(), port);
    if (failure != std::errc() || end != service.data() + service.size()) return boost::asio::error::service_not_found;
    found.emplace_back(address, port);
    return {};
}

}  // namespace kedge::detail
