// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
    std::string field(const std::string& name) const;
};

/// What the service does with one request, other than its duty. See the functions below for the usual ones.
struct fault {
    enum class way : std::uint8_t {
        answer,   ///< its duty
        reply,    ///< says `status` and `body`
        reset,    ///< resets the connection
        silence,  ///< says nothing until the client goes
        cut,      ///< half of its answer, then an orderly end
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
fault says(int status, const std::string& code, const std::string& message = {});
fault throttles(std::chrono::milliseconds retry_after);
fault resets();
/// The same after the events are stored: the acknowledgement is lost.
fault loses_answer();
/// What a captive portal says, with 200.
fault says_html();
/// 200 with the id of a request, and half a document.
fault says_broken_json();
fault answers_after(std::chrono::milliseconds);
/// The ranges [0, too_old_end), [too_old_end, expired_end) and [too_new_start, ...) of a batch.
fault rejects(std::size_t too_old_end, std::size_t expired_end, std::size_t too_new_start);

/// How the service is until it is told otherwise.
struct service_rules {
    std::size_t event_limit = 1'048'576;        ///< in bytes as it counts them
    std::string poison{};                       ///< a batch with this text is invalid; empty: none
    std::chrono::milliseconds clock_ahead{0};   ///< of the machine's
    bool gzip = true;                           ///< false: it knows nothing of it
    int refused_status = 400;                   ///< of errors about keys and signatures; some services say 403
    bool remembers = true;                      ///< texts and requests; false: it counts, for benchmarks
};

/** CloudWatch Logs on loopback, over plain HTTP, with threads of its own: PutLogEvents, CreateLogGroup, CreateLogStream and
 *  PutRetentionPolicy with their limits, and signatures verified. It shares no code with kedge, so that it can disagree.
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
    explicit cloudwatch_service(service_keys known = {}, std::string region = "eu-central-1");
    ~cloudwatch_service();
    cloudwatch_service(const cloudwatch_service&) = delete;
    cloudwatch_service& operator=(const cloudwatch_service&) = delete;

    std::string url() const;  ///< "http://127.0.0.1:<port>"
    std::string region() const;

    void admit(service_keys);
    void expire(const std::string& key_id);
    void obey(service_rules);

    /// @param operation  only requests of this one; empty: any
    void fail_next(fault what, int times = 1, const std::string& operation = {});
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
    /// Whether it has nothing to do: it waits for clients, or keeps silent. So do they, if they are idle before and after.
    bool quiet() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace aws_test
