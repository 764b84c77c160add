// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials.hpp>
#include <kedge/http/message.hpp>
#include <kedge/http/url.hpp>

#include <string>
#include <string_view>

namespace kedge::aws {

/// In what a service's signatures differ from the usual. The defaults are right for all services but S3.
struct sigv4_rules {
    bool normalise_path = true;   ///< sign the path without `.`, `..` and empty segments, and encoded once more; S3: false
    bool content_sha256 = false;  ///< send the body's hash as `X-Amz-Content-Sha256`; S3: true
    bool sign_token = true;       ///< false: the session token is added after signing
};

/** Signs requests to one AWS service in one region (Signature Version 4, in headers).
 *
 *  @code
 *  kedge::aws::sigv4_signer signer{kedge::http::parse_url("https://logs.eu-central-1.amazonaws.com"), "eu-central-1", "logs"};
 *  kedge::http::request ask{"POST", "/", {{"X-Amz-Target", "Logs_20140328.PutLogEvents"}}, body};
 *  signer.sign(ask, keys, runtime.wall_now());
 *  @endcode
 *
 *  Sign each attempt anew, just before it is sent: the service refuses a signature that is older than five minutes, and a
 *  request may have waited. The key for signing is derived once for each day and secret key, and is wiped like that.
 *
 *  @par Thread safety  None: one thread, or one strand, at a time.
 *  @par Complexity     Two hashes, over body and headers, and one HMAC; the first request of a day four more.
 */
class sigv4_signer {
public:
    /** @param to       where the requests go: its authority is signed as `Host`, its base path in front of the target
     *  @param region   such as "eu-central-1"
     *  @param service  as it stands in the scope of signatures: "logs", "sts"
     *  @throws std::invalid_argument if region or service is anything but lower-case letters, digits and hyphens */
    sigv4_signer(http::url to, std::string region, std::string service, sigv4_rules rules = {});

    /** Adds `X-Amz-Date`, with a token `X-Amz-Security-Token`, and `Authorization`; those of an earlier signing are replaced.
     *
     *  All headers are signed but those that belong to one hop (`Connection`, `TE`, …), to a proxy, or to nobody (`User-Agent`,
     *  `X-Amzn-Trace-Id`), which may change on the way. `Content-Length` and `Host` are the client's to send.
     *  @param when  the service's time, as far as it is known; one instant for date and scope
     *  @throws std::bad_alloc; std::runtime_error if OpenSSL has no SHA-256. The request is as before then */
    void sign(http::request& what, const credentials& keys, http::wall_time when);

private:
    const std::string& key_for(const credentials&, std::string_view date);

    http::url to_;
    std::string region_, service_;
    sigv4_rules rules_;
    std::string date_{};  // of the key
    secret<std::string> secret_{}, key_{};
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/sigv4.ipp>
#endif
