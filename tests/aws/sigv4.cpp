// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"
#include "captured.hpp"
#include "sigv4_suite.hpp"

#include <kedge/aws/impl/canonical_request.hpp>
#include <kedge/aws/impl/sha256.hpp>
#include <kedge/aws/sigv4.hpp>

#include <cstdlib>
#include <stdexcept>
#include <type_traits>

using namespace kedge;
using namespace aws_test;

namespace {

std::string authorization(const http::request& what) { return field_of(what, "Authorization"); }

/// What the suite's files say of one case, made from the request as it was signed.
void check_case(const suite_case& one) {
    INFO(one.name);
    http::request what = one.request;
    aws::sigv4_signer signer(one.to, one.region, one.service, one.rules);
    signer.sign(what, one.keys, one.when);
    CHECK(authorization(what) == one.authorization);

    http::request form = without(what, "authorization");
    if (!one.rules.sign_token) form = without(form, "x-amz-security-token");
    const std::string hash = aws::detail::hex(aws::detail::sha256(what.body));
    const auto canonical = aws::detail::make_canonical(form, one.to.authority(), hash, one.rules.normalise_path);
    CHECK(canonical.text == one.canonical_request);
    const std::string time = field_of(what, "X-Amz-Date");
    const std::string scope = time.substr(0, 8) + "/" + one.region + "/" + one.service + "/aws4_request";
    const std::string canonical_hash = aws::detail::hex(aws::detail::sha256(canonical.text));
    CHECK(aws::detail::string_to_sign(time, scope, canonical_hash) == one.string_to_sign);
}

}  // namespace

TEST_CASE("the public suite's requests get the public suite's signatures", "[aws]") {
    const char* folder = std::getenv("KEDGE_SIGV4_SUITE");
    if (!folder) {
        WARN("KEDGE_SIGV4_SUITE names no folder: the public suite was not given, and is not checked");
        return;
    }
    const std::vector<suite_case> cases = read_suite(folder);
    CHECK(cases.size() >= 38);
    for (const suite_case& one : cases) check_case(one);
}

TEST_CASE("signatures agree with those of sigv4_figures.py", "[aws]") {
    for (const captured& one : captured_requests()) {
        INFO(one.name);
        http::request what = one.request;
        aws::sigv4_signer signer(http::parse_url(one.url, true), "eu-central-1", "logs");
        signer.sign(what, one.keys(), one.when);
        const std::string date = field_of(what, "X-Amz-Date").substr(0, 8);
        CHECK(authorization(what) == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + date +
                                         "/eu-central-1/logs/aws4_request, " + "SignedHeaders=" + one.signed_names +
                                         ", Signature=" + one.signature);
        CHECK(field_of(what, "X-Amz-Security-Token") == one.token);
    }
}

TEST_CASE("the key for signing goes with the day and with the secret key", "[aws]") {
    const auto all = captured_requests();
    const auto find = [&](std::string_view name) {
        return *std::find_if(all.begin(), all.end(), [&](const captured& one) { return one.name == name; });
    };
    const captured today = find("query"), next_day = find("next day"), rotated = find("rotated");
    aws::sigv4_signer signer(http::parse_url(today.url, true), "eu-central-1", "logs");
    for (const captured& one : {today, next_day, rotated, next_day, today, today}) {
        INFO(one.name);
        http::request what = one.request;
        signer.sign(what, one.keys(), one.when);
        CHECK(authorization(what).ends_with(one.signature));
    }
}

TEST_CASE("a request that was signed before is signed anew", "[aws]") {
    const captured one = captured_requests()[1];  // with a token
    aws::sigv4_signer signer(http::parse_url(one.url), "eu-central-1", "logs");
    const aws::credentials earlier("OLD", std::string("old"), std::string("older-token"));
    http::request again = one.request, once = one.request;
    signer.sign(once, one.keys(), one.when);
    signer.sign(again, earlier, one.when - std::chrono::hours(1));
    again.headers[0].name = "CONTENT-TYPE";
    signer.sign(again, one.keys(), one.when);
    CHECK(authorization(again) == authorization(once));
    CHECK(again.headers.size() == once.headers.size());

    const aws::credentials of_a_user("AKIDEXAMPLE", std::string("s"));
    signer.sign(again, of_a_user, one.when);
    CHECK(field_of(again, "X-Amz-Security-Token").empty());
}

TEST_CASE("what a hop may change is not signed", "[aws]") {
    const captured one = captured_requests()[0];
    aws::sigv4_signer signer(http::parse_url(one.url), "eu-central-1", "logs");
    http::request plain = one.request, dressed = one.request;
    for (const char* name : {"Connection", "keep-alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
                             "Proxy-Authorization", "Proxy-Connection", "User-Agent", "X-Amzn-Trace-Id", "Host"})
        dressed.headers.push_back({name, "changes"});
    signer.sign(plain, one.keys(), one.when);
    signer.sign(dressed, one.keys(), one.when);
    CHECK(authorization(dressed) == authorization(plain));
    dressed.headers.push_back({"x-amzn-logs-format", "json/emf"});
    signer.sign(dressed, one.keys(), one.when);
    CHECK(authorization(dressed) != authorization(plain));
}

TEST_CASE("neither order nor case nor spacing of headers and query changes a signature", "[aws]") {
    const auto signed_as = [](http::request what) {
        aws::sigv4_signer signer(http::parse_url("https://logs.eu-central-1.amazonaws.com"), "eu-central-1", "logs");
        signer.sign(what, aws::credentials("AKIDEXAMPLE", std::string("s")), {});
        return authorization(what);
    };
    const std::string one = signed_as({"GET", "/x/?b=2&a=1&a=%7E", {{"X-B", "2 3"}, {"X-A", "1"}}});
    CHECK(signed_as({"GET", "/./y/..//x/?a=~&a=1&b=2", {{"x-a", "  1\t"}, {"x-b", "2 \t 3"}}}) == one);
    CHECK(signed_as({"GET", "/x?b=2&a=1&a=%7E", {{"X-B", "2 3"}, {"X-A", "1"}}}) != one);
    CHECK(signed_as({"GET", "/x/?b=2&a=1&a=%7E", {{"X-B", "23"}, {"X-A", "1"}}}) != one);
}

TEST_CASE("keys that would split a header, and regions that would leave the scope, are refused by name", "[aws]") {
    const auto refusal = [](auto&& make) -> std::string {
        try {
            make();
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "accepted";
    };
    const auto keys = [&](std::string id, std::string key, std::string token = {}) {
        return refusal([&] { aws::credentials(id, key, token); });
    };
    const std::string form =
        " has a space, a line end or another character that it may not have; accepted: visible ASCII";
    CHECK(keys("AKIDEXAMPLE", "canary/x+y=", "t/+==") == "accepted");
    CHECK(keys("", "canary") == "kedge::aws: the access key id is empty");
    CHECK(keys("AKID", "") == "kedge::aws: the secret access key is empty");
    CHECK(keys("AKID\n", "canary") == "kedge::aws: the access key id" + form);
    CHECK(keys("AKID", "canary\n") == "kedge::aws: the secret access key" + form);
    CHECK(keys("AKID", "s", "canary\r\nX-Evil: 1") == "kedge::aws: the session token" + form);
    CHECK(keys("AKID", "s", "canary\xc3\xa4") == "kedge::aws: the session token" + form);
    CHECK(keys("canary/secret", "s") ==
          "kedge::aws: the access key id has a slash or a comma; accepted: letters and digits. Is "
          "it the secret access key?");
    const auto scope = [&](std::string region, std::string service) {
        return refusal([&] { aws::sigv4_signer(http::url{}, region, service); });
    };
    CHECK(scope("eu-central-1", "logs") == "accepted");
    CHECK(scope("eu-central-1/x", "logs") ==
          "kedge::aws: \"eu-central-1/x\" is no region; accepted: lower-case letters, digits and hyphens");
    CHECK(scope("eu-central-1", "") ==
          "kedge::aws: \"\" is no service; accepted: lower-case letters, digits and hyphens");
}

TEST_CASE("the requests above, for another program that signs them again", "[.captured]") {
    for (const captured& one : captured_requests()) print(one);
}
