// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <string>

namespace kedge::http {

/** Whom to trust. Without a file or text: the system's authorities. There is no way to turn verification off. */
struct tls_options {
    std::string ca_file{};  ///< PEM; used instead of the system's authorities
    std::string ca_pem{};   ///< the same as text

    /** Resume the session of an earlier connection of the same client, for at most an hour after the server last showed its
     *  certificate. What the session knows of it is verified anew each time: host, chain, dates. Off, since a server's *new*
     *  certificate stays unseen for that long, and kept-alive connections make handshakes rare anyway. */
    bool resume = false;
};

namespace detail {

class tls_context;

/// @throws std::invalid_argument names the file that cannot be read or holds no certificate
std::shared_ptr<tls_context> make_tls_context(const tls_options&);

}  // namespace detail
}  // namespace kedge::http
