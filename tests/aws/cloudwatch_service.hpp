// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "service_faults.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kedge::testing {
enum class certificate_kind : std::uint8_t;
}

namespace aws_test {

/// An identity that the service knows. Without a token it is a user's.
struct service_keys {
    std::string id = "AKIDEXAMPLE", secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token{};
};

struct stored_event {
    std::int64_t time_ms = 0;
    std::string text{};
};

/// A request as it arrived, and what came of it.
struct heard_request {
    std::string method, target;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};       ///< as it was sent, compressed or not
    std::string operation{};  ///< "PutLogEvents"; empty: none that the service knows
    std::string refusal{};    ///< the code and the message of the service's own error; empty: none
    std::chrono::steady_clock::time_point when{};

    /// Of the first header called so, in lower case; empty if there is none.
    std::string field(const std::string& name) const {
        for (const auto& [one, value] : headers)
            if (one == name) return value;
        return {};
    }
};

/// How the service is until it is told otherwise.
struct service_rules {
    std::size_t event_limit = 1'048'576;        ///< in bytes as it counts them
    std::string poison{};                       ///< a batch with this text is invalid; empty: none
    std::chrono::milliseconds clock_ahead{0};   ///< of the machine's
    bool gzip = true;                           ///< false: it knows nothing of it
    int refused_status = 400;                   ///< of errors about keys and signatures; some services say 403
    bool remembers = true;                      ///< texts and requests; false: it counts, for benchmarks
};

/** CloudWatch Logs on loopback, with threads of its own: PutLogEvents, CreateLogGroup, CreateLogStream and PutRetentionPolicy
 *  with their limits, and signatures verified; over plain HTTP, or TLS with a certificate of the tests' authority. It shares no
 *  code with kedge, so that it can disagree.
 *
 *  @code
 *  cloudwatch_service service;
 *  service.fail_next(loses_answer());
 *  … a sink whose transport goes to service.url(), with service_keys{} and `plain_loopback` …
 *  CHECK(service.stored("shop", "web-1").size() == 2);
 *  @endcode
 *  A request with a wrong signature gets its error whatever was scripted; a fault waits for the next that is right.
 *  @par Thread safety  Safe from any thread.
 */
class cloudwatch_service {
public:
    explicit cloudwatch_service(service_keys known = {}, std::string region = "eu-central-1", bool tls = false);
    ~cloudwatch_service();
    cloudwatch_service(const cloudwatch_service&) = delete;
    cloudwatch_service& operator=(const cloudwatch_service&) = delete;

    std::string url() const;  ///< "http://127.0.0.1:<port>", or https://
    std::string region() const;

    void admit(service_keys);
    void expire(const std::string& key_id);
    void obey(service_rules);

    /// @param operation  only requests of this one; empty: any
    void fail_next(fault what, int times = 1, const std::string& operation = {});
    /// Over TLS, from the next connection on.
    void show(kedge::testing::certificate_kind);
    void greet_next(greeting, int times = 1);
    /// Nobody listens any more, and open connections break. @ref up takes the same port.
    void down();
    void up();

    /// With the group, if it is missing. @param retention_days of the group; 0: for ever
    void make_stream(const std::string& group, const std::string& stream, int retention_days = 0);
    /// With its streams.
    void forget_group(const std::string& group);
    void forget_stream(const std::string& group, const std::string& stream);

    std::vector<stored_event> stored(const std::string& group, const std::string& stream) const;
    std::uint64_t stored_count() const;  ///< in all streams
    int retention_days(const std::string& group) const;  ///< 0: for ever; -1: no such group
    std::vector<heard_request> heard() const;
    int faults_left() const;
    int connections() const;  ///< accepted so far
    int resumed() const;      ///< of them, with a session of TLS from an earlier one
    /// Whether it has nothing to do: it waits for clients, or keeps silent. So do they, if they are idle before and after.
    bool quiet() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace aws_test
