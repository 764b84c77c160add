// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace aws_test {

inline std::string error_body(const std::string& code, const std::string& message) {
    std::string out = R"({"__type":")" + code + R"(","message":")";
    for (const char c : message) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n') out += "\\n";
        else out += c;
    }
    return out + "\"}";
}

/// What the service does with one request, other than its duty. See the functions below for the usual ones.
struct fault {
    enum class way : std::uint8_t {
        answer,   ///< its duty
        reply,    ///< says `status` and `body`
        reset,    ///< resets the connection
        silence,  ///< says nothing until the client goes
        cut,      ///< half of its answer, then an orderly end
        leave,    ///< its duty; then it ends the connection, without a word of TLS
    };
    way how = way::answer;
    bool stores = false;     ///< it does its duty before, and does not say so
    int status = 200;
    std::string body{};
    std::string headers{};   ///< of a reply, each with its line end
    std::chrono::milliseconds delay{0};  ///< before what it does
    std::size_t too_old_end = 0, expired_end = 0, too_new_start = std::numeric_limits<std::size_t>::max();  ///< rejects these
};

/// An error in the service's form.
inline fault says(int status, const std::string& code, const std::string& message = {}) {
    fault out;
    out.how = fault::way::reply;
    out.status = status;
    out.body = error_body(code, message);
    return out;
}
inline fault throttles(std::chrono::milliseconds retry_after) {
    fault out = says(400, "ThrottlingException", "Rate exceeded");
    out.headers = "x-amz-retry-after: " + std::to_string(retry_after.count()) + "\r\n";
    return out;
}
inline fault resets() {
    fault out;
    out.how = fault::way::reset;
    return out;
}
/// The same after the events are stored: the acknowledgement is lost.
inline fault loses_answer() {
    fault out = resets();
    out.stores = true;
    return out;
}
/// What a captive portal says, with 200.
inline fault says_html() {
    fault out;
    out.how = fault::way::reply;
    out.body = "<html><body>Welcome to our network</body></html>";
    return out;
}
/// 200 with the id of a request, and half a document.
inline fault says_broken_json() {
    fault out;
    out.how = fault::way::reply;
    out.headers = "x-amzn-RequestId: 5d4b0001-0000-0000-0000-000000000000\r\n";
    out.body = R"({"nextSequenceToken":"495)";
    return out;
}
inline fault answers_after(std::chrono::milliseconds delay) {
    fault out;
    out.delay = delay;
    return out;
}
/// The ranges [0, too_old_end), [too_old_end, expired_end) and [too_new_start, ...) of a batch.
inline fault rejects(std::size_t too_old_end, std::size_t expired_end, std::size_t too_new_start) {
    fault out;
    out.too_old_end = too_old_end, out.expired_end = expired_end, out.too_new_start = too_new_start;
    return out;
}

/// How the service begins a connection over TLS, if not with its handshake.
enum class greeting : std::uint8_t {
    reset,    ///< after the client's first word
    silence,  ///< until the client goes
};

}  // namespace aws_test
