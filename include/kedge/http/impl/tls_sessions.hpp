// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <mutex>

namespace kedge::http::detail {

struct tls_session_free {
    void operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }
};
using tls_session_ptr = std::unique_ptr<SSL_SESSION, tls_session_free>;

/** The session of a client with its server, so that the next connection need not verify from scratch. It belongs to one client,
 *  and so to one host, one port and one set of authorities: there is no key that could be mistaken.
 *
 *  Only a handshake in which the server showed its certificate leaves a session, never a resumed one: no chain of tickets keeps
 *  a certificate alive beyond @ref max_age. Thread-safe. */
class tls_sessions {
public:
    static constexpr std::chrono::seconds max_age = std::chrono::hours(1);

    /// A copy, since OpenSSL spoils a session whose connection ends without a goodbye.
    void keep(const SSL_SESSION& s) noexcept { replace(tls_session_ptr(SSL_SESSION_dup(&s))); }

    void drop() noexcept { replace({}); }

    /// A copy, since OpenSSL spoils what it has used; null if there is none.
    tls_session_ptr get(std::chrono::system_clock::time_point now) noexcept {
        const std::lock_guard lock(mutex_);
        if (!newest_) return {};
        const auto born = std::chrono::system_clock::from_time_t(SSL_SESSION_get_time(newest_.get()));
        if (now >= born + max_age || now < born - std::chrono::minutes(1)) newest_.reset();  // or the clock has jumped
        return tls_session_ptr(newest_ ? SSL_SESSION_dup(newest_.get()) : nullptr);
    }

private:
    void replace(tls_session_ptr by) noexcept {
        const std::lock_guard lock(mutex_);
        newest_.swap(by);
    }

    std::mutex mutex_;
    tls_session_ptr newest_;
};

}  // namespace kedge::http::detail
