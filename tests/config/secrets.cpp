// SPDX-License-Identifier: BSL-1.0
// Canaries: no secret comes out of a load, whatever goes wrong with it.
#include "../support/catch.hpp"
#include "folder.hpp"

#include <kedge/config/clients.hpp>
#include <kedge/config/documents.hpp>
#include <kedge/config/live.hpp>

using namespace config_test;
using Catch::Matchers::Contains;
namespace config = kedge::config;

namespace {

const std::string canary = "canary5f0c1d";

std::string all_texts(const configuration& c) {
    std::string out = config::effective_settings(c);
    for (const auto& note : c.notes) out += note;
    for (const auto& source : c.sources) out += source;
    for (const auto build : {0, 1}) {
        try {
            if (build) config::payment_options(c);
            else config::database_options(c);
        } catch (const config::bad_settings& refused) {
            out += refused.what();
        }
    }
    return out;
}

}  // namespace

TEST_CASE("what is loaded shows no secret") {
    for (const std::string& url :
         {"postgresql://u:" + canary + "@db/shop", "https://u:p@" + canary + "/@h",
          "postgres://" + canary + "@/shop?host=/x&password=" + canary, "https://u:" + canary + "/@p@h/" + canary,
          "postgresql://u:" + canary, "mysql://u:" + canary, "https://h/x?" + canary + "#" + canary, "sqlite:a.db?key=" + canary,
          "sqlite:u:" + canary + "@h", canary + ":x", "postgresql://[" + canary + "@h", "postgresql://a:1,u:" + canary + "/"}) {
        CAPTURE(url);
        const configuration c = config::load({.process = environment{{"KEDGE_DATABASE_SERVICE_URL", url},
                                                                     {"KEDGE_PAYMENT_API_KEY", canary},
                                                                     {"AWS_ACCESS_KEY_ID", canary},
                                                                     {"AWS_SECRET_ACCESS_KEY", canary},
                                                                     {"AWS_SESSION_TOKEN", canary}},
                                              .folder = {}});
        REQUIRE(c.values.payment.api_key.reveal() == canary);
        REQUIRE(c.values.database.url == url);
        CHECK(all_texts(c).find(canary) == std::string::npos);
        CHECK(all_texts(c).find("***") != std::string::npos);
    }
}

TEST_CASE("what is refused shows no secret") {
    const folder f;
    f.write(".env", canary + "\nKEDGE_PAYMENT_API_KEY=\"" + canary + "\\x\"\nKEDGE_AWS_SESSION_TOKEN='" + canary + " \n'\n" +
                        "KEDGE_PAYMENT_API_KEI=" + canary + "\nKEDGE_AWS_SECRET_ACCESS_KEY=" + canary +
                        "\nKEDGE_AWS_SECRET_ACCESS_KEY=" + canary);
    f.write(".env.local", "KEDGE_PAYMENT_API_KEY='" + canary + " '\nKEDGE_PAYMENT_SERVICE_URL=https://u:" + canary + "@h/" +
                              canary + "\nKEDGE_DATABASE_SERVICE_URL=" + canary + "\nKEDGE_CLOUDWATCH_ENDPOINT=https://" +
                              canary + "@h");
    const std::string said = refusal(f.options());
    CHECK(said.find(canary) == std::string::npos);
    CHECK_THAT(said, Contains("KEDGE_PAYMENT_API_KEY = ***: not visible") && Contains("https://***@h/…") &&
                         Contains("KEDGE_AWS_SESSION_TOKEN = ***") && Contains("KEDGE_DATABASE_SERVICE_URL = ***"));
}

TEST_CASE("a secret may be in a file") {
    const folder f;
    const std::string path = f.write("key", canary + "\n");
    const auto from = [&](environment e) { return f.options(std::move(e)); };
    const configuration c = config::load(
        from({{"KEDGE_PAYMENT_API_KEY_FILE", path}, {"AWS_ACCESS_KEY_ID", "AK"}, {"AWS_SECRET_ACCESS_KEY_FILE", path}}));
    CHECK(c.values.payment.api_key.reveal() == canary);
    CHECK(c.values.aws.secret_access_key.reveal() == canary);
    CHECK(source_of(c, "PAYMENT_API_KEY") == "environment, " + path);
    CHECK(all_texts(c).find(canary) == std::string::npos);

    f.write("empty", "\n");
    f.write("template", "your_key\n");
    f.write("two lines", canary + "\n" + canary);
    const std::string folder = std::filesystem::path(path).parent_path().string();
    struct {
        std::string file, why;
    } const bad[] = {{folder + "/none", "/none: there is no such file"},
                     {folder, "not a regular file"},
                     {"/dev/zero", "not a regular file"},
                     {canary, "***: there is no such file"},
                     {"/" + canary, "***: there is no such file"},
                     {folder + "/empty", "the file is empty"},
                     {folder + "/template", "a placeholder is in the file"},
                     {folder + "/two lines", "not visible ASCII"}};
    for (const auto& [file, why] : bad) {
        const std::string said = refusal(from({{"KEDGE_PAYMENT_API_KEY_FILE", file}}));
        CHECK_THAT(said, Contains("environment") && Contains("KEDGE_PAYMENT_API_KEY") && Contains(why) && !Contains(canary));
    }
    CHECK_THAT(refusal(from({{"KEDGE_PAYMENT_API_KEY_FILE", path}, {"KEDGE_PAYMENT_API_KEY", canary}})),
               Contains("set twice") && !Contains(canary));
    CHECK_THAT(config::load(from({{"KEDGE_PAYMENT_TIMEOUT_FILE", path}})).notes.at(0), Contains("no setting"));
}

TEST_CASE("a placeholder counts as not set, and is said once") {
    const folder f;
    f.write(".env", "KEDGE_PAYMENT_API_KEY=your_api_key\nKEDGE_LOG_LEVEL=YOUR_LEVEL\n");
    const configuration c = f.load({{"KEDGE_PAYMENT_API_KEY", "your_key"}});
    CHECK(c.values.payment.api_key.reveal().empty());
    CHECK(c.notes == std::vector<std::string>{"KEDGE_PAYMENT_API_KEY (environment) is a placeholder and counts as not set",
                                              "KEDGE_PAYMENT_API_KEY (.env:1) is a placeholder and counts as not set",
                                              "KEDGE_LOG_LEVEL (.env:2) is a placeholder and counts as not set"});
    config::live again(f.options());
    CHECK(again.current()->notes.size() == 2);
    CHECK(again.reload().notes.empty());
}

TEST_CASE("the keys of AWS come from one source, under kedge's names or AWS's own") {
    struct {
        const char* file;
        environment process;
        std::string keys;
    } const all[] = {
        {"", {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}, {"AWS_SESSION_TOKEN", "c"}}, "a b c"},
        {"AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b", {}, "a b "},
        {"AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nAWS_SESSION_TOKEN=c",
         {{"AWS_ACCESS_KEY_ID", "d"}, {"AWS_SECRET_ACCESS_KEY", "e"}},
         "d e "},
        {"KEDGE_AWS_ACCESS_KEY_ID=a\nKEDGE_AWS_SECRET_ACCESS_KEY=b",
         {{"AWS_ACCESS_KEY_ID", "d"}, {"AWS_SESSION_TOKEN", "f"}},
         "a b "},
        {"KEDGE_AWS_ACCESS_KEY_ID=your_access_key\nKEDGE_AWS_SECRET_ACCESS_KEY=your_secret_key",
         {{"AWS_ACCESS_KEY_ID", "d"}, {"AWS_SECRET_ACCESS_KEY", "e"}, {"AWS_SESSION_TOKEN", "f"}},
         "d e f"},
    };
    for (const auto& [file, process, keys] : all) {
        const folder f;
        f.write(".env", file);
        const config::aws_options aws = f.load(process).values.aws;
        CHECK(aws.access_key_id.reveal() + " " + aws.secret_access_key.reveal() + " " + aws.session_token.reveal() == keys);
    }
    const auto region = [](environment e) { return config::load({.process = std::move(e), .folder = {}}).values.aws.region; };
    CHECK(region({{"AWS_DEFAULT_REGION", "eu-north-1"}}) == "eu-north-1");
    CHECK(region({{"AWS_DEFAULT_REGION", "eu-north-1"}, {"AWS_REGION", "eu-west-1"}}) == "eu-west-1");
    CHECK(region({{"AWS_REGION", "eu-west-1"}, {"KEDGE_AWS_REGION", "eu-west-2"}}) == "eu-west-2");
    CHECK_THAT(refusal({.process = environment{{"AWS_SESSION_TOKEN", "c"}}, .folder = {}}), Contains("KEDGE_AWS_ACCESS_KEY_ID"));
}
