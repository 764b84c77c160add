// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/sigv4.hpp>
#include <kedge/log/detail/json.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace aws_test {

using namespace kedge;

inline std::string field_of(const http::request& what, std::string_view name) {
    for (const http::header& h : what.headers)
        if (http::detail::same_name(h.name, name)) return h.value;
    return {};
}

inline http::request without(http::request what, std::string_view name) {
    std::erase_if(what.headers, [&](const http::header& h) { return http::detail::same_name(h.name, name); });
    return what;
}

/// A request, and the signature that sigv4_figures.py gives it.
struct captured {
    std::string name, url, secret_key, token;
    http::request request;
    http::wall_time when;
    std::string signature, signed_names;

    aws::credentials keys() const { return {"AKIDEXAMPLE", secret_key, token}; }
};

inline std::vector<captured> captured_requests() {
    using std::chrono::sys_days, std::chrono::seconds;
    const http::wall_time midnight = sys_days(std::chrono::year(2025) / 10 / 27), incident = midnight - seconds(30794);
    const std::string key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token = "FwoGZXIvYXdzEXAMPLE//token+with/all==";
    const std::string logs = "https://logs.eu-central-1.amazonaws.com", local = "http://127.0.0.1:8080";
    const std::string body = R"({"logGroupName":"shop","logStreamName":"a","logEvents":)"
                             R"([{"timestamp":1761492406000,"message":"[ERROR] )" "\xc3\xa4" R"("}]})";
    const http::request put{"POST", "/", {{"Content-Type", "application/x-amz-json-1.1"},
                                          {"X-Amz-Target", "Logs_20140328.PutLogEvents"}, {"User-Agent", "kedge"}}, body};
    const http::request get{"GET", "/", {}, {}};
    return {
        {"put", logs, key, "", put, incident, "740b69acd243ccbeb8d6f5b9098a59db0b30506ac6805eb37db3585c7a38bcc6",
         "content-type;host;x-amz-date;x-amz-target"},
        {"role", logs, key, token, put, incident, "1cd5fd2a60d14d4d1a4d337d29920a6190bc7f07f09d3fb1730b9a475a7c9720",
         "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"},
        {"proxy", "http://[::1]:4566/logs", "short", "", {"POST", "/a%20b", {}, "{}"}, incident,
         "7089d85e7ef8b1d6a76dededcb7bfe933a8de1deee0732a70b339255ca281fc5", "host;x-amz-date"},
        {"query", local, "short", "",
         {"GET", "/?a-b=1&a=2&a=1&a.b=~&a%20c=", {{"X-List", "1"}, {"x-list", " 2  3 "}}}, incident,
         "83cb895309be68e8b13313e7baf0cae50753b7c208f94b27021590bcfedc55de", "host;x-amz-date;x-list"},
        {"next day", local, "short", "", get, midnight,
         "ddfd0b0e031fde6473cb35bf05cc9becff3489a40e53b179ad3d7fd0a3c57324", "host;x-amz-date"},
        {"rotated", local, "other", "", get, midnight,
         "3b7f8bc7ef6181d90ade239da1d814783a5104b20c26b46cbbdf73aff6b1a4a2", "host;x-amz-date"},
    };
}

inline std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), from, static_cast<int>(bytes.size()));
    out.pop_back();
    return out;
}

/// One line of JSON, with a request that is signed.
inline void print(std::string_view name, const std::string& url, std::string_view secret_key, const http::request& what) {
    using log::detail::append_member;
    std::string out = "{";
    append_member(out, "name", name);
    append_member(out, "url", std::string_view(url + what.target));
    append_member(out, "secret_key", secret_key);
    append_member(out, "method", std::string_view(what.method));
    append_member(out, "body", std::string_view(base64(what.body)));
    out += R"(,"headers":[)";
    for (const http::header& h : what.headers) {
        out += &h == what.headers.data() ? "{" : ",{";
        append_member(out, "name", std::string_view(h.name));
        append_member(out, "value", std::string_view(h.value));
        out += '}';
    }
    std::printf("captured %s]}\n", out.c_str());
}

/// The same, as kedge signs it.
inline void print(const captured& one) {
    http::request what = one.request;
    aws::sigv4_signer(http::parse_url(one.url, true), "eu-central-1", "logs").sign(what, one.keys(), one.when);
    print(one.name, one.url, one.secret_key, what);
}

}  // namespace aws_test
