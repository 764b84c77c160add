// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/aws/endpoint.hpp>

#include <stdexcept>
#include <string>

using namespace kedge;
using aws::reach;

namespace {

/// The endpoint as text, or what was refused.
std::string outcome(auto&& make) {
    try {
        const auto made = make();
        if constexpr (requires { made.target; }) return made.to.url.authority() + " " + made.target;
        else return (made.url.tls ? "https://" : "http://") + made.url.authority() + made.url.base;
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
}

std::string logs(const aws::endpoint_options& o) {
    return outcome([&] { return aws::service_endpoint("logs", o); });
}

std::string own(std::string url, bool any_host = false, bool plain_loopback = false,
                std::string region = "eu-central-1") {
    return logs({.region = region, .url = url, .any_host = any_host, .plain_loopback = plain_loopback});
}

std::string container(std::string_view relative, std::string_view full) {
    return outcome([&] { return aws::container_credentials_endpoint(relative, full); });
}

bool allowed(const aws::endpoint& to, const char* address) { return to.allows(boost::asio::ip::make_address(address)); }

}  // namespace

TEST_CASE("endpoints are those of botocore's own rules, in every partition", "[aws]") {
    struct row {
        const char *region, *plain, *dual, *fips, *fips_dual;
    };
    const row rows[] = {
        {"us-east-1", "logs.us-east-1.amazonaws.com", "logs.us-east-1.api.aws", "logs-fips.us-east-1.amazonaws.com",
         "logs-fips.us-east-1.api.aws"},
        {"mx-central-1", "logs.mx-central-1.amazonaws.com", "logs.mx-central-1.api.aws",
         "logs-fips.mx-central-1.amazonaws.com", "logs-fips.mx-central-1.api.aws"},
        {"cn-north-1", "logs.cn-north-1.amazonaws.com.cn", "logs.cn-north-1.api.amazonwebservices.com.cn",
         "logs-fips.cn-north-1.amazonaws.com.cn", "logs-fips.cn-north-1.api.amazonwebservices.com.cn"},
        {"us-gov-west-1", "logs.us-gov-west-1.amazonaws.com", "logs.us-gov-west-1.api.aws",
         "logs.us-gov-west-1.amazonaws.com", "logs-fips.us-gov-west-1.api.aws"},
        {"eusc-de-east-1", "logs.eusc-de-east-1.amazonaws.eu", "logs.eusc-de-east-1.api.amazonwebservices.eu",
         "logs-fips.eusc-de-east-1.amazonaws.eu", "logs-fips.eusc-de-east-1.api.amazonwebservices.eu"},
        {"us-iso-east-1", "logs.us-iso-east-1.c2s.ic.gov", "logs.us-iso-east-1.api.aws.ic.gov",
         "logs-fips.us-iso-east-1.c2s.ic.gov", "logs-fips.us-iso-east-1.api.aws.ic.gov"},
        {"us-isob-east-1", "logs.us-isob-east-1.sc2s.sgov.gov", "logs.us-isob-east-1.api.aws.scloud",
         "logs-fips.us-isob-east-1.sc2s.sgov.gov", "logs-fips.us-isob-east-1.api.aws.scloud"},
        {"eu-isoe-west-1", "logs.eu-isoe-west-1.cloud.adc-e.uk", "logs.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
         "logs-fips.eu-isoe-west-1.cloud.adc-e.uk", "logs-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"},
        {"us-isof-south-1", "logs.us-isof-south-1.csp.hci.ic.gov", "logs.us-isof-south-1.api.aws.hci.ic.gov",
         "logs-fips.us-isof-south-1.csp.hci.ic.gov", "logs-fips.us-isof-south-1.api.aws.hci.ic.gov"},
        {"xx-new-9", "logs.xx-new-9.amazonaws.com", "logs.xx-new-9.api.aws", "logs-fips.xx-new-9.amazonaws.com",
         "logs-fips.xx-new-9.api.aws"},
    };
    for (const row& r : rows) {
        CAPTURE(r.region);
        CHECK(logs({.region = r.region}) == std::string("https://") + r.plain);
        CHECK(logs({.region = r.region, .dual_stack = true}) == std::string("https://") + r.dual);
        CHECK(logs({.region = r.region, .fips = true}) == std::string("https://") + r.fips);
        CHECK(logs({.region = r.region, .fips = true, .dual_stack = true}) == std::string("https://") + r.fips_dual);
    }
    CHECK(outcome([] { return aws::service_endpoint("sts", {.region = "us-gov-east-1", .fips = true}); }) ==
          "https://sts.us-gov-east-1.amazonaws.com");
}

TEST_CASE("what is no region does not become a part of a host's name", "[aws]") {
    for (const char* bad :
         {"", "us-east", "US-EAST-1", "us east 1", "us-east-1.evil.com", "us.evil-east-1", "us-east-1/", "us-east-1#",
          "-us-east-1", "us--east-1", "us-east-1-", "aws-global", "1us-east-1", "us-east-one", "us-e\xc3\xa4st-1",
          "us-east-1\n", "us-abcdefghijklmnopqrstuvwxyz-east-1"}) {
        CAPTURE(bad);
        CHECK(logs({.region = bad}).find(" is none; accepted: the name of an AWS region, such as eu-central-1") !=
              std::string::npos);
    }
    CHECK(logs({.region = "Frankfurt"}) ==
          "kedge::aws: region = \"Frankfurt\" is none; accepted: the name of an AWS region, such as eu-central-1");
}

TEST_CASE("an endpoint of the user's own is AWS's, this machine, or allowed explicitly", "[aws]") {
    const std::string vpc = "https://vpce-0a1b.logs.eu-central-1.vpce.amazonaws.com";
    CHECK(own(vpc) == vpc);
    CHECK(own("https://logs.eu-central-1.api.aws/") == "https://logs.eu-central-1.api.aws");
    CHECK(own("https://localhost:4566/logs") == "https://localhost:4566/logs");
    CHECK(own("https://127.8.8.8") == "https://127.8.8.8");
    CHECK(own("https://logs.cn-north-1.amazonaws.com.cn", false, false, "cn-north-1") ==
          "https://logs.cn-north-1.amazonaws.com.cn");

    const std::string other =
        "kedge::aws: the endpoint's host is none of AWS's for this region, which has to be allowed explicitly "
        "(any_host); accepted: a host under amazonaws.com or api.aws";
    for (const char* url :
         {"https://canary.example.com", "https://amazonaws.com.canary.example", "https://canaryamazonaws.com",
          "https://logs.cn-north-1.amazonaws.com.cn", "https://10.0.0.7:8443", "https://[2001:db8::1]"}) {
        CAPTURE(url);
        CHECK(own(url) == other);
        CHECK(own(url, true) == url);
    }
    CHECK(own("https://logs.eu-central-1.amazonaws.com", false, false, "cn-north-1").find("amazonaws.com.cn or") !=
          std::string::npos);
}

TEST_CASE("http:// is for this machine only, and only if that is wanted", "[aws]") {
    const std::string never =
        "kedge::aws: the endpoint's url is http://, where all that is logged would be readable on the way; "
        "accepted: https://";
    const std::string ask =
        "kedge::aws: the endpoint's url is http:// to this machine, which has to be allowed explicitly "
        "(plain_loopback)";
    for (const char* url : {"http://logs.eu-central-1.amazonaws.com", "http://canary.example.com", "http://10.0.0.7",
                            "http://localhost.example.com", "http://169.254.169.254"})
        CHECK(own(url, true, true) == never);
    for (const char* url :
         {"http://localhost:4566", "http://127.0.0.1:4566", "http://[::1]:4566", "http://[::ffff:127.0.0.1]:1"}) {
        CAPTURE(url);
        CHECK(own(url, true) == ask);
        CHECK(own(url, false, true) == url);
    }
}

TEST_CASE("what a URL may not have is refused, and no part of it is repeated", "[aws]") {
    const std::string accepted = "; accepted: https://host[:port][/base-path]";
    for (const char* url :
         {"canary", "ftp://canary.amazonaws.com", "https://canary:x@logs.eu-central-1.amazonaws.com",
          "https://logs.amazonaws.com/?canary", "https://logs.amazonaws.com/#canary", "https://canary.com:0",
          "https://canary.com:65536", "https://0x7f.1/canary", "https://2130706433/canary"}) {
        const std::string said = own(url, true, true);
        CAPTURE(url, said);
        CHECK(said.starts_with("kedge::aws: the endpoint's url: kedge::http: "));
        CHECK(said.ends_with(accepted));
        CHECK(said.find("canary") == std::string::npos);
    }
    CHECK(logs({.region = "eu-central-1", .url = "https://logs.eu-central-1.amazonaws.com", .fips = true}) ==
          "kedge::aws: an endpoint of your own excludes fips and dual_stack: choose the host by its url");
    CHECK(logs({.region = "eu-central-1", .url = "https://logs.eu-central-1.amazonaws.com", .dual_stack = true}) ==
          "kedge::aws: an endpoint of your own excludes fips and dual_stack: choose the host by its url");
}

TEST_CASE("no endpoint leads to the instance's own services, by address or by name", "[aws]") {
    const aws::endpoint by_name = aws::service_endpoint("logs", {.region = "eu-central-1"});
    const char* inside[] = {"169.254.169.254",   "169.254.170.2",   "169.254.0.1",  "0.0.0.0",
                            "224.0.0.1",         "255.255.255.255", "::",           "fe80::1",
                            "ff02::1",           "fd00:ec2::254",   "fd00:ec2::23", "::ffff:169.254.169.254",
                            "64:ff9b::a9fe:a9fe"};
    for (const char* address : inside) {
        CAPTURE(address);
        CHECK_FALSE(allowed(by_name, address));
        const std::string host =
            std::string(address).find(':') == std::string::npos ? address : "[" + std::string(address) + "]";
        CHECK(own("https://" + host, true, true) ==
              "kedge::aws: the endpoint's url is a link-local, multicast or unspecified address, or one of the "
              "instance's own "
              "services; accepted: a server's address");
    }
    for (const char* address :
         {"52.94.1.1", "10.0.0.7", "127.0.0.1", "169.253.255.255", "2600:1f18::1", "fd00:ec3::1", "fd12::1"})
        CHECK(allowed(by_name, address));
}

TEST_CASE("an endpoint on this machine stays there when its name moves", "[aws]") {
    const aws::endpoint to =
        aws::service_endpoint("logs", {.region = "eu-central-1", .url = "http://localhost:1", .plain_loopback = true});
    for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) CHECK(allowed(to, address));
    for (const char* address : {"10.0.0.1", "169.254.169.254", "52.94.1.1", "::", "fe80::1"})
        CHECK_FALSE(allowed(to, address));
}

TEST_CASE("containers ask for their keys where the field's rules allow it", "[aws]") {
    CHECK(container("/v2/credentials/abc?x=1", "") == "169.254.170.2 /v2/credentials/abc?x=1");
    CHECK(container("/a", "http://127.0.0.1/b") == "169.254.170.2 /a");
    CHECK(container("", "http://169.254.170.23/v1/credentials") == "169.254.170.23 /v1/credentials");
    CHECK(container("", "http://[fd00:ec2::23]/v1/credentials?a=b") == "[fd00:ec2::23] /v1/credentials?a=b");
    CHECK(container("", "http://localhost:9911?a") == "localhost:9911 /?a");
    CHECK(container("", "https://keys.example.com") == "keys.example.com /");

    const std::string relative = "kedge::aws: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                      full = "kedge::aws: AWS_CONTAINER_CREDENTIALS_FULL_URI";
    for (const char* url :
         {"http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fd00:ec2::254]/", "http://0.0.0.0/"})
        CHECK(container("", url) ==
              full +
                  " has http:// to another machine; accepted: https://, or http:// to 127.0.0.0/8, ::1, "
                  "169.254.170.2, 169.254.170.23 or fd00:ec2::23");
    for (const char* url : {"", "/canary", "ftp://canary/x", "http://u:canary@localhost/"}) {
        CAPTURE(url);
        CHECK(container("", url).starts_with(full + ": kedge::http: "));
        CHECK(container("", url).find("canary") == std::string::npos);
    }
    CHECK(container("", "http://localhost/#canary").starts_with(full + " has a path with a character"));
    for (const char* path : {"canary", "@evil.com/canary", "/canary b", "/canary\r\nX: 1", "http://canary"})
        CHECK(container(path, "").starts_with(relative +
                                              " has a path with a character that it may not have; accepted: /path"));

    const aws::endpoint named = aws::container_credentials_endpoint("", "http://keys.internal/").to;
    for (const char* address : {"127.0.0.1", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
        CHECK(allowed(named, address));
    for (const char* address : {"10.0.0.1", "169.254.170.3", "169.254.169.254", "fd00:ec2::254"})
        CHECK_FALSE(allowed(named, address));
}

TEST_CASE("the metadata service has one address for each family", "[aws]") {
    const aws::endpoint four = aws::instance_metadata_endpoint(), six = aws::instance_metadata_endpoint(true);
    CHECK(four.url.authority() == "169.254.169.254");
    CHECK(six.url.authority() == "[fd00:ec2::254]");
    CHECK((!four.url.tls && !six.url.tls));
    CHECK((allowed(four, "169.254.169.254") && allowed(six, "fd00:ec2::254")));
    CHECK_FALSE((allowed(four, "169.254.169.253") || allowed(four, "127.0.0.1") || allowed(six, "10.0.0.1")));
}
