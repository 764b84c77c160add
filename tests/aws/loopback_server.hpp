// SPDX-License-Identifier: BSL-1.0
#pragma once
// A server on this machine that speaks HTTP, as those do that give keys to containers, instances and identities.
#include "../support/byte_channel.hpp"
#include "../support/one_by_one.hpp"
#include "../support/tls_face.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace kedge_test {

inline std::string http_answer(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Serves one connection after the other, on a thread of its own.
class loopback_server {
public:
    /// Gets the head of a request with its body, if that came at once; returns what is written, or nothing: it hangs up.
    using script = std::function<std::string(const std::string& request)>;

    explicit loopback_server(script each) : loopback_server(std::move(each), nullptr) {}
    /// Over TLS.
    loopback_server(script each, tls_face face)
        : loopback_server(std::move(each), std::make_unique<tls_face>(std::move(face))) {}

    std::string url(const std::string& host = "127.0.0.1") const {
        return (face_ ? "https://" : "http://") + host + ":" + std::to_string(frame_.endpoint().port());
    }
    std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    int connections() const { return frame_.connections(); }
    /// Whether it has nothing to do.
    bool quiet() const { return frame_.quiet(); }

private:
    loopback_server(script each, std::unique_ptr<tls_face> face)
        : script_(std::move(each)), face_(std::move(face)),
          frame_([this](one_by_one::tcp::socket& socket) { serve(socket.native_handle()); }) {}

    void serve(int socket) {
        byte_channel client(socket, face_ ? face_->native() : nullptr);
        std::string text;
        if (!client.shake_hands()) return;
        while (frame_.wait_for_bytes_on(socket), client.receive_more(text)) {
            if (text.find("\r\n\r\n") == text.npos) continue;
            note(text);
            const std::string answer = script_(std::exchange(text, {}));
            if (answer.empty()) return;
            client.send_all(answer);
        }
    }
    void note(const std::string& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }

    const script script_;
    const std::unique_ptr<tls_face> face_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    one_by_one frame_;
};

}  // namespace kedge_test
