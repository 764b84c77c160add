// SPDX-License-Identifier: BSL-1.0
// What the sources of keys ask the services for, and in which order sources are asked, in the simulation.
#include "../support/catch.hpp"

#include <kedge/aws/detail/key_chain.hpp>
#include <kedge/aws/detail/container_keys.hpp>
#include <kedge/aws/detail/metadata_keys.hpp>
#include <kedge/aws/detail/web_identity_keys.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

namespace {

const std::string keys_in_text =
    R"("AccessKeyId":"ASIA1","SecretAccessKey":"k","Token":"t","Expiration":"2026-11-26T18:00:00Z"})";
const std::string some_keys = "{" + keys_in_text;

std::string with_code(const std::string& code) { return R"({"Code":")" + code + "\"," + keys_in_text; }

/// "GET /path Name: value … body"
std::string text_of(const http::request& r) {
    std::string out = r.method + " " + r.target;
    for (const http::header& h : r.headers)
        if (h.name != "Accept" && h.name != "Content-Type") out += " " + h.name + ": " + h.value;
    return r.body.empty() ? out : out + " " + r.body;
}

/// Servers that answer as the script says, one after the other.
struct services {
    testing::simulation ctx;
    std::filesystem::path file = std::filesystem::temp_directory_path() / ("kedge_token_" + std::to_string(::getpid()));
    std::deque<std::pair<error_code, http::response>> script;
    std::vector<std::string> asked;  ///< "https://host GET /path …"

    ~services() { std::filesystem::remove(file); }

    class server final : public key_server {
    public:
        server(services& all, std::string base) : all_(all), base_(std::move(base)) {}
        void ask(http::request what, key_reply_handler done) override {
            all_.asked.push_back(base_ + " " + text_of(what));
            REQUIRE(!all_.script.empty());
            auto [ec, answer] = std::move(all_.script.front());
            all_.script.pop_front();
            async_sleep(all_.ctx, 5ms, [ec = ec, answer = std::move(answer), done = std::move(done)](error_code) mutable {
                done(ec, std::move(answer));
            });
        }

    private:
        services& all_;
        const std::string base_;
    };

    key_server_maker maker() {
        return [this](const endpoint& to, key_server_limits limits) {
            CHECK((limits.timeout >= 1s && limits.timeout * limits.attempts <= 10s));
            return std::make_unique<server>(*this, (to.url.tls ? "https://" : "http://") + to.url.authority());
        };
    }

    void expect(int status, std::string body) { script.push_back({{}, {status, {}, std::move(body)}}); }
    void fail() { script.push_back({boost::asio::error::timed_out, {}}); }
    void write(const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

    std::string look(key_source& source) {
        std::string out = "not told";
        asked.clear();
        source.look([&](found_keys what) {
            const bool absent = what.how == found_keys::outcome::absent;
            out = what.keys ? what.keys->access_key_id() : (absent ? "absent: " : "failed: ") + what.reason;
        });
        ctx.run();
        CHECK(script.empty());
        return out;
    }
    std::string container(config::environment variables) {
        container_keys source(ctx.get_executor(), variables, maker());
        return look(source);
    }
    std::string metadata(config::environment variables = {}) {
        metadata_keys source(variables, maker());
        return look(source);
    }
    std::string web_identity(config::environment variables, endpoint_options sts = {}) {
        web_identity_keys source(ctx.get_executor(), variables, std::move(sts), maker());
        return look(source);
    }
};

}  // namespace

TEST_CASE("a container's keys come from where the environment says, if that is allowed", "[aws][credentials]") {
    services s;
    const std::string relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const std::pair<config::environment, std::string> asked[] = {
        {{{relative, "/v2/keys?id=1"}}, "http://169.254.170.2 GET /v2/keys?id=1"},
        {{{full, "http://169.254.170.23/v1/credentials"}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer x"}},
         "http://169.254.170.23 GET /v1/credentials Authorization: Bearer x"},
        {{{full, "https://keys.example.com:8443"}}, "https://keys.example.com:8443 GET /"},
        {{{relative, "/r"}, {full, "http://127.0.0.1/f"}}, "http://169.254.170.2 GET /r"},
    };
    for (const auto& [variables, wanted] : asked) {
        s.expect(200, some_keys);
        CHECK(s.container(variables) == "ASIA1");
        CHECK(s.asked == std::vector{wanted});
    }
    CHECK(s.container({}) == "absent: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set");
    for (const char* bad : {"http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "ftp://127.0.0.1/",
                            "http://[fd00:ec2::254]/", "http://user:hush@127.0.0.1/", "127.0.0.1"}) {
        const std::string told = s.container({{full, bad}});
        CHECK(told.starts_with("failed: kedge::aws: " + full));
        CHECK(told.find("hush") == std::string::npos);
    }
    CHECK(s.asked.empty());
    const config::environment usual{{relative, "/r"}};
    s.expect(200, R"({"code":"NoRole","message":"hush"})");
    CHECK(s.container(usual) == "failed: the answer is NoRole");
    s.expect(307, "");
    CHECK(s.container(usual) == "failed: the answer is 307");
    s.fail();
    CHECK(s.container(usual) == "failed: no answer: Connection timed out");
}

TEST_CASE("a container's token is read anew each time, and splits no header", "[aws][credentials]") {
    services s;
    config::environment variables{{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/r"},
                                  {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "old"},
                                  {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", s.file.string()}};
    container_keys source(s.ctx.get_executor(), variables, s.maker());
    CHECK(s.look(source) == "failed: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: there is no such file");
    for (const char* token : {"one\n", "two\r\n", "three"}) {
        s.write(token);
        s.expect(200, some_keys);
        CHECK(s.look(source) == "ASIA1");
        CHECK(s.asked == std::vector{"http://169.254.170.2 GET /r Authorization: " +
                                     std::string(token).substr(0, std::string(token).find_first_of("\r\n"))});
    }
    for (const char* bad : {"one\nX-Other: two", "one\r\n\r\nGET /", "one\x01"}) {
        s.write(bad);
        CHECK(s.look(source) ==
              "failed: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the file has more than one line, or a control character");
        CHECK(s.asked.empty());
    }
    s.write("\n");
    CHECK(s.look(source) == "failed: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the file is empty");
    variables.erase("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "one\nX-Other: two";
    CHECK(s.container(variables) == "failed: AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end or another control character");
    CHECK(s.asked.empty());
}

TEST_CASE("the metadata service is asked with a token, or not at all", "[aws][credentials]") {
    services s;
    const std::string put = " PUT /latest/api/token X-aws-ec2-metadata-token-ttl-seconds: 21600";
    const std::string get = " GET /latest/meta-data/iam/security-credentials/", token = " X-aws-ec2-metadata-token: t0ken==";
    for (const auto& [mode, base] : {std::pair("IPv4", "http://169.254.169.254"), std::pair("IPv6", "http://[fd00:ec2::254]")}) {
        s.expect(200, "t0ken==");
        s.expect(200, "my-role\nother");
        s.expect(200, with_code("Success"));
        CHECK(s.metadata({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode},
                          {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://evil"}}) == "ASIA1");
        CHECK(s.asked == std::vector{base + put, base + get + token, base + get + "my-role" + token});
    }
    for (const int status : {400, 401, 403, 404, 405, 500}) {
        s.expect(status, "t0ken==");
        CHECK(s.metadata() == "absent: the answer to the request for a token is " + std::to_string(status));
        CHECK(s.asked.size() == 1);  // version 1 would go on without a token
    }
    for (const char* bad : {"", "a\nb", "a\r\nX-Other: y"}) {
        s.expect(200, bad);
        CHECK(s.metadata() == "absent: the answer is no token");
    }
    s.fail();
    CHECK(s.metadata() == "absent: no answer: Connection timed out (a container needs the hop limit 2)");
    CHECK(s.asked.size() == 1);
    CHECK(s.metadata({{"AWS_EC2_METADATA_DISABLED", "True"}}) == "absent: AWS_EC2_METADATA_DISABLED is true");
    CHECK(s.asked.empty());
}

TEST_CASE("the metadata service says which role, and its keys", "[aws][credentials]") {
    services s;
    const auto role = [&](int status, std::string body) {
        s.expect(200, "t");
        s.expect(status, std::move(body));
        return s.metadata();
    };
    CHECK(role(404, "") == "absent: the instance has no role");
    CHECK(role(401, "") == "failed: the answer to the request for the role is 401");
    for (const char* bad : {"", "\nx", "../../user-data", "a b", "a/b", "<html>"})
        CHECK(role(200, bad) == "failed: the answer is no role's name");
    s.expect(200, "t");
    s.expect(200, "r");
    s.expect(200, with_code("Failed"));
    CHECK(s.metadata() == "failed: the answer is Failed");
}

TEST_CASE("a web identity is shown to the region's STS", "[aws][credentials]") {
    services s;
    s.write("a.b-c_d=\n");
    const config::environment usual{{"AWS_WEB_IDENTITY_TOKEN_FILE", s.file.string()},
                                    {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
                                    {"AWS_ROLE_SESSION_NAME", "me@host"},
                                    {"AWS_DEFAULT_REGION", "cn-north-1"}};
    const std::string body =
        " POST / Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
        "&RoleSessionName=me%40host&WebIdentityToken=";
    const std::string answer =
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA1"
        "</AccessKeyId><SecretAccessKey>k</SecretAccessKey><SessionToken>t</SessionToken><Expiration>"
        "2026-11-26T18:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>";
    web_identity_keys source(s.ctx.get_executor(), usual, {}, s.maker());
    s.expect(200, answer);
    CHECK(s.look(source) == "ASIA1");
    CHECK(s.asked == std::vector{"https://sts.cn-north-1.amazonaws.com.cn" + body + "a.b-c_d%3D"});
    s.write("renewed");
    s.expect(200, answer);
    CHECK(s.look(source) == "ASIA1");
    CHECK(s.asked == std::vector{"https://sts.cn-north-1.amazonaws.com.cn" + body + "renewed"});
    s.expect(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>hush</Message></Error></ErrorResponse>");
    CHECK(s.look(source) == "failed: the answer is 400 InvalidIdentityToken");
    s.fail();
    CHECK(s.look(source) == "failed: no answer from STS: Connection timed out");
    std::filesystem::remove(s.file);
    CHECK(s.look(source) == "failed: AWS_WEB_IDENTITY_TOKEN_FILE: there is no such file");
    s.write("t");
    s.expect(200, answer);
    CHECK(s.web_identity(usual, {.region = "eu-central-1", .fips = true}) == "ASIA1");
    CHECK(s.asked[0].starts_with("https://sts-fips.eu-central-1.amazonaws.com POST"));

    config::environment strict = usual;
    strict["AWS_USE_FIPS_ENDPOINT"] = "TRUE", strict["AWS_USE_DUALSTACK_ENDPOINT"] = "true";
    s.expect(200, answer);
    CHECK(s.web_identity(strict) == "ASIA1");
    CHECK(s.asked[0].starts_with("https://sts-fips.cn-north-1.api.amazonwebservices.com.cn POST"));
    strict["AWS_USE_FIPS_ENDPOINT"] = "1";  // who wants it must not get the plain endpoint for a slip
    CHECK(s.web_identity(strict) == "failed: AWS_USE_FIPS_ENDPOINT is neither true nor false");
    s.expect(200, answer);  // where the program says which, the environment has no say
    CHECK(s.web_identity(strict, {.region = "eu-central-1"}) == "ASIA1");
    CHECK(s.asked[0].starts_with("https://sts.eu-central-1.amazonaws.com POST"));
}

TEST_CASE("a web identity that is half set up says what is missing", "[aws][credentials]") {
    services s;
    s.write("t");
    const std::string file = s.file.string();
    CHECK(s.web_identity({{"AWS_ROLE_ARN", "r"}}) == "absent: AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    CHECK(s.web_identity({{"AWS_WEB_IDENTITY_TOKEN_FILE", file}}) ==
          "failed: AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    CHECK(s.web_identity({{"AWS_WEB_IDENTITY_TOKEN_FILE", file}, {"AWS_ROLE_ARN", "r"}}) ==
          "failed: AWS_REGION is not set, which says whose STS is asked");
    CHECK(s.web_identity({{"AWS_WEB_IDENTITY_TOKEN_FILE", file}, {"AWS_ROLE_ARN", "r"}, {"AWS_REGION", "evil.com/"}})
              .starts_with("failed: kedge::aws: region"));
    CHECK(s.asked.empty());
}

TEST_CASE("the first source that is set up counts, and no other one from then on", "[aws][credentials]") {
    struct told_source final : key_source {
        std::string_view name() const noexcept override { return title; }
        void look(found_handler done) override {
            ++looks;
            done(next);
        }
        std::string title;
        found_keys next;
        int looks = 0;
    };
    services s;
    std::vector<told_source*> all;
    key_chain::sources sources;
    for (const char* title : {"a", "b", "c"}) {
        auto one = std::make_unique<told_source>();
        one->title = title;
        one->next = absent("none");
        all.push_back(one.get());
        sources.push_back(std::move(one));
    }
    key_chain chain(std::move(sources));
    CHECK(s.look(chain) == "failed: no AWS credentials: a: none; b: none; c: none");
    all[1]->next = failed("broken");
    CHECK(s.look(chain) == "failed: no AWS credentials: a: none; b: broken");
    CHECK(all[2]->looks == 1);
    CHECK(chain.answered().empty());
    all[1]->next = found({"AKIA", std::string("k")});
    CHECK(s.look(chain) == "AKIA");
    CHECK(chain.answered() == "b");
    all[1]->next = absent("gone");
    all[2]->next = found({"AKIB", std::string("k")});
    const int before = all[0]->looks;
    CHECK(s.look(chain) == "failed: no AWS credentials: b: gone");
    CHECK((all[0]->looks == before && all[2]->looks == 1));
}
