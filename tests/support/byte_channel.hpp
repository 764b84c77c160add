// SPDX-License-Identifier: BSL-1.0
#pragma once
// Blocking sockets, encrypted or not, as servers of the tests need them.

#include <openssl/ssl.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace kedge_test {

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

inline void resets_at_close(int fd) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/// The server's end of a connection; the socket belongs to somebody else.
class byte_channel {
public:
    /// @param tls  none: in plain text. It may change once this is made
    explicit byte_channel(int fd, SSL_CTX* tls = nullptr) : fd_(fd), tls_(tls ? SSL_new(tls) : nullptr) {
        const int at_once = 1;  // who looks whether the server is quiet must find here what it has sent
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    }

    /// @return whether there is nothing in the way of bytes
    bool shake_hands() {
        if (!tls_) return true;
        sigset_t broken_pipe;  // OpenSSL does not say MSG_NOSIGNAL
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        return SSL_set_fd(tls_.get(), fd_) == 1 && SSL_accept(tls_.get()) == 1;
    }
    bool is_resumed() const noexcept { return tls_ && SSL_session_reused(tls_.get()) != 0; }

    int socket() const noexcept { return fd_; }

    void send_all(std::string_view text) {
        while (!text.empty()) {
            const auto sent = send(text);
            if (sent <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// At least one byte more behind `text`; false: there is none.
    bool receive_more(std::string& text) {
        const std::size_t had = text.size();
        text.resize(had + most_at_once);
        const auto got = receive(text.data() + had);
        text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        return got > 0;
    }

private:
    static constexpr std::size_t most_at_once = 65'536;  ///< more than a record of TLS, so that none stays behind in part

    ssize_t send(std::string_view text) {
        if (!tls_) return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        return SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()));
    }
    ssize_t receive(char* to) {
        if (!tls_) return ::recv(fd_, to, most_at_once, 0);
        return SSL_read(tls_.get(), to, static_cast<int>(most_at_once));
    }

    struct free_tls {
        void operator()(SSL* s) const noexcept { SSL_free(s); }
    };

    const int fd_;
    const std::unique_ptr<SSL, free_tls> tls_;
};

}  // namespace kedge_test
