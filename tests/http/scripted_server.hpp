// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "support/one_by_one.hpp"
#include "support/tls_face.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace http_test {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket&>;

/// What came of one connection, as the server saw it. Bytes are those of the application.
struct visit {
    bool verified = false;  ///< the handshake was completed
    bool resumed = false;
    std::size_t received = 0;
    int requests = 0, client_hellos = 0;
};

/// The server's end of a connection that is up. It blocks, as a script may.
class peer {
public:
    peer(tls_stream& stream, tcp::socket& socket, std::mutex& mutex, visit& seen)
        : stream_(stream), socket_(socket), mutex_(mutex), seen_(seen) {}

    /// At most `count` bytes, as they come; none: the client is gone.
    std::string read(std::size_t count) {
        std::string bytes(count, '\0');
        boost::system::error_code ec;
        bytes.resize(stream_.read_some(asio::buffer(bytes), ec));
        const std::lock_guard lock(mutex_);
        seen_.received += bytes.size();
        return bytes;
    }

    /// A whole request, or what there is of it when the client goes.
    std::string read_request() {
        std::string text;
        while (!is_whole(text)) {
            const std::string more = read(8192);
            if (more.empty()) return {};
            text += more;
        }
        const std::lock_guard lock(mutex_);
        ++seen_.requests;
        return text;
    }

    void write(std::string_view bytes) {
        boost::system::error_code ec;
        asio::write(stream_, asio::buffer(bytes), ec);
    }

    /// `close_notify`, but the socket stays open, and nobody waits for the client's.
    void goodbye() {
        boost::system::error_code ec;
        SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
        stream_.shutdown(ec);
    }

    /// Asks for another handshake in the middle of the first one's session, as TLS 1.2 allows.
    void renegotiate() {
        boost::system::error_code ec;
        SSL_renegotiate(stream_.native_handle());
        stream_.handshake(asio::ssl::stream_base::server, ec);
    }

    /// Ends the stream of bytes below TLS.
    void finish() { ::shutdown(socket_.native_handle(), SHUT_WR); }

    /// When the script ends. Past Asio, which would turn it into an orderly end.
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }

    /// @return whether the client went, or sent something, within so long
    bool hears_within(int milliseconds) {
        pollfd p{socket_.native_handle(), POLLIN, 0};
        return ::poll(&p, 1, milliseconds) > 0;
    }
    void wait_for_end() {
        while (!read(8192).empty()) {}
    }
    /// The same without TLS.
    void wait_for_end_of_bytes() {
        std::array<char, 4096> ignored;
        boost::system::error_code ec;
        while (!ec) socket_.read_some(asio::buffer(ignored), ec);
    }

private:
    static bool is_whole(std::string_view text) {
        constexpr std::string_view length = "\r\nContent-Length: ";
        const auto end = text.find("\r\n\r\n");
        if (end == text.npos) return false;
        std::size_t body = 0;
        if (const auto at = text.find(length); at < end)
            std::from_chars(text.data() + at + length.size(), text.data() + end, body);
        return text.size() >= end + 4 + body;
    }

    tls_stream& stream_;
    tcp::socket& socket_;
    std::mutex& mutex_;
    visit& seen_;
};

using kedge_test::authority;

/** A TLS server on loopback that serves one connection after the other, by a script, on a thread of its own. Only for tests:
 *  it does as it is told, also what no server would do. */
class scripted_server {
public:
    using script = std::function<void(peer&)>;
    using settings = std::function<void(SSL_CTX*)>;

    explicit scripted_server(script each, const char* address = "127.0.0.1")
        : script_(std::move(each)), frame_([this](tcp::socket& socket) { serve(socket); }, address) {}

    tcp::endpoint endpoint() const { return frame_.endpoint(); }
    std::string url(const std::string& host = "localhost") const {
        return "https://" + host + ":" + std::to_string(endpoint().port());
    }

    /// Between two connections; the keys of session tickets stay.
    void change(const settings& how) {
        const std::lock_guard lock(tls_mutex_);
        how(face_.native());
    }
    template <class What> void show(const What& what) {
        const std::lock_guard lock(tls_mutex_);
        face_.show(what);
    }
    /// Takes connections, and says nothing.
    void fall_silent(bool silent = true) {
        const std::lock_guard lock(tls_mutex_);
        silent_ = silent;
    }
    /// From the next handshake's end on. Waits for nobody: a connection that its client has forgotten may be at its handshake.
    void play(script each) {
        const std::lock_guard lock(mutex_);
        script_ = std::move(each);
    }

    std::vector<visit> visits() const {
        const std::lock_guard lock(mutex_);
        return visits_;
    }
    int connections() const { return static_cast<int>(visits().size()); }
    /// Until so many connections have ended here, and their clients can know.
    void wait_for_ends(int many) const { frame_.wait_for_ends(many); }
    int requests() const {
        int all = 0;
        for (const visit& v : visits()) all += v.requests;
        return all;
    }

private:
    static int on_hello(SSL*, int*, void* self) {
        auto& server = *static_cast<scripted_server*>(self);
        const std::lock_guard lock(server.mutex_);
        ++server.visits_.back().client_hellos;
        return SSL_CLIENT_HELLO_SUCCESS;
    }

    void serve(tcp::socket& socket) {
        boost::system::error_code ec;
        socket.set_option(tcp::no_delay(true), ec);
        begin();
        const std::lock_guard lock(tls_mutex_);
        SSL_CTX_set_client_hello_cb(face_.native(), &on_hello, this);
        tls_stream stream(socket, face_.context());
        if (!silent_) stream.handshake(asio::ssl::stream_base::server, ec);
        peer p(stream, socket, mutex_, note(!ec && !silent_, SSL_session_reused(stream.native_handle()) != 0));
        if (silent_) p.wait_for_end_of_bytes();
        else if (!ec) current()(p);
    }

    void begin() {
        const std::lock_guard lock(mutex_);
        visits_.emplace_back();
    }
    visit& note(bool verified, bool resumed) {
        const std::lock_guard lock(mutex_);
        visits_.back().verified = verified;
        visits_.back().resumed = resumed;
        return visits_.back();
    }
    script current() const {
        const std::lock_guard lock(mutex_);
        return script_;
    }

    kedge_test::tls_face face_;
    script script_;
    bool silent_ = false;
    std::mutex tls_mutex_;  // held while a connection is served
    mutable std::mutex mutex_;
    std::vector<visit> visits_;
    kedge_test::one_by_one frame_;
};

}  // namespace http_test
