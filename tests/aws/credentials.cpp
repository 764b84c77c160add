// SPDX-License-Identifier: BSL-1.0
// What the sources of keys make of their texts: environment and profile files.
#include "../support/catch.hpp"

#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/profile_keys.hpp>
#include <kedge/testing/simulation.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <unistd.h>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

namespace {

/// "id/key/token", or why there are none.
std::string shown(const std::shared_ptr<const credentials>& keys, const std::string& reason) {
    if (!keys) return reason;
    return keys->access_key_id() + "/" + keys->secret_access_key().reveal() + "/" + keys->session_token().reveal();
}

std::string shown(const found_keys& what) {
    using outcome = found_keys::outcome;
    const std::string how = what.how == outcome::absent ? "absent: " : what.how == outcome::failed ? "failed: " : "";
    return how + shown(what.keys, what.reason);
}

/// A folder of its own, and a chain that looks for files in it only.
struct home {
    std::filesystem::path folder = std::filesystem::temp_directory_path() / ("kedge_keys_" + std::to_string(::getpid()));
    testing::simulation ctx;

    home() { std::filesystem::create_directories(folder / ".aws"); }
    ~home() { std::filesystem::remove_all(folder); }

    void write(const std::string& name, const std::string& text) { std::ofstream(folder / name, std::ios::binary) << text; }

    config::environment with(config::environment more) {
        more.emplace("HOME", folder.string());
        more.emplace("AWS_EC2_METADATA_DISABLED", "true");
        return more;
    }

    std::string ask(credentials_chain& chain) {
        std::string out = "not told";
        chain.get([&out](credentials_answer a) { out = shown(a.keys, a.reason); });
        ctx.run();
        return out;
    }
    std::string look(config::environment variables) {
        credentials_chain chain(ctx, {.process = with(std::move(variables))});
        return ask(chain);
    }
};

}  // namespace

TEST_CASE("the environment has both keys or none", "[aws][credentials]") {
    const std::pair<config::environment, const char*> rows[] = {
        {{{"AWS_ACCESS_KEY_ID", "AKIA1"}, {"AWS_SECRET_ACCESS_KEY", "k/+="}}, "AKIA1/k/+=/"},
        {{{"AWS_ACCESS_KEY_ID", "ASIA1"}, {"AWS_SECRET_ACCESS_KEY", "k"}, {"AWS_SESSION_TOKEN", "t"}}, "ASIA1/k/t"},
        {{}, "absent: AWS_ACCESS_KEY_ID is not set"},
        {{{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}}, "absent: AWS_ACCESS_KEY_ID is not set"},
        {{{"AWS_ACCESS_KEY_ID", "AKIA1"}}, "failed: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
        {{{"AWS_SECRET_ACCESS_KEY", "k"}}, "failed: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"},
        {{{"AWS_ACCESS_KEY_ID", "AKIA1"}, {"AWS_SECRET_ACCESS_KEY", "hush\n"}},
         "failed: kedge::aws: the secret access key has a space, a line end or another character that it may not have; "
         "accepted: visible ASCII"},
    };
    for (const auto& [variables, wanted] : rows) CHECK(shown(keys_in(variables)) == wanted);
}

TEST_CASE("a file of profiles is read as AWS's libraries read it", "[aws][credentials]") {
    using kind = profile_file;
    struct row {
        const char *text, *name;
        kind file;
        const char *a, *b;  ///< the values of two settings
        int bad_line = 0;
        bool is_there = true;
    };
    const row rows[] = {
        {"[default]\na=1\nb=2\n", "default", kind::credentials, "1", "2"},
        {"[default]\r\na = 1 \r\nb\t=\t2\r\n", "default", kind::credentials, "1", "2"},
        {"\xef\xbb\xbf[default]\na=1\nb=2", "default", kind::credentials, "1", "2"},
        {"# c\n; c\n\n  # c\n[default] # c\na = 1 # c\nb = 2;c ; c\n", "default", kind::credentials, "1", "2;c"},
        {"[ x ]\na=1\n[y]\nb=2\n[x]\nb=3", "x", kind::credentials, "1", "3"},
        {"[x]\nA=1\nb=2\nB=3", "x", kind::credentials, "1", "3"},
        {"[x]\na = k/+=a=b\nb=", "x", kind::credentials, "k/+=a=b", ""},
        {"[x]\n  a = 1\n  b = 2\n", "x", kind::credentials, "1", "2"},
        {"[x]\na =\n  b = 2\n  c = 3\n", "x", kind::credentials, "", ""},
        {"[x]\ns3 =\n  a = 7\na = 1\nb = 2", "x", kind::credentials, "1", "2"},
        {"[y]\na=1\n", "x", kind::credentials, "", "", 0, false},
        {"a=1\n[y]\n", "x", kind::credentials, "", "", 0, false},
        {"", "default", kind::credentials, "", "", 0, false},
        {"[profile x]\na=1", "x", kind::credentials, "", "", 0, false},
        {"[X]\na=1", "x", kind::credentials, "", "", 0, false},
        {"[profile x]\na=1\n[profile  y]\na=2\nb=3\n", "y", kind::config, "2", "3"},
        {"[x]\na=1\n[profilex]\na=1", "x", kind::config, "", "", 0, false},
        {"[profile \"a b\"]\na=1\n[profile 'x']\na=2\n", "a b", kind::config, "1", ""},
        {"[profile \"a b\"]\na=1\n[profile  'x' ]\na=2\n", "x", kind::config, "2", ""},
        {"[profile \"x']\na=1\n[profile \"]\na=1\n[\"x\"]\na=1\n", "x", kind::config, "", "", 0, false},
        {"[\"x\"]\na=1\n", "x", kind::credentials, "", "", 0, false},
        {"[default]\na=1\n[profile default]\nb=2\n", "default", kind::config, "1", "2"},
        {"[x]\na=1\nnonsense\nb=2", "x", kind::credentials, "1", "2", 3},
        {"[x]\n= 1\nb=2", "x", kind::credentials, "", "2", 2},
        {"[y]\nnonsense\n[x]\na=1", "x", kind::credentials, "1", ""},
        {"[x]\na=1\n[y\na=2\nb=2\n", "x", kind::credentials, "1", "", 3},
    };
    for (const row& r : rows) {
        CAPTURE(r.text);
        const profile read = read_profile(r.text, r.name, r.file);
        CHECK(std::string(read["a"]) == r.a);
        CHECK(std::string(read["b"]) == r.b);
        CHECK(read.bad_line == r.bad_line);
        CHECK(read.is_there == r.is_there);
    }
}

TEST_CASE("profiles come from where the environment says, and never half from each file", "[aws][credentials]") {
    home h;
    const std::string both = "aws_access_key_id = AKIA1\naws_secret_access_key = k\n";
    const std::string nobody = "profile: no keys of the profile \"default\" in ~/.aws/credentials or ~/.aws/config";
    CHECK(h.look({}).find(nobody) != std::string::npos);
    h.write(".aws/credentials", "[default]\n" + both + "[x]\naws_access_key_id = AKIA2\n[z]\n" + both);
    h.write(".aws/config",
            "[profile x]\naws_secret_access_key = k\n[profile y]\n" + both +
                "aws_session_token = t\n[profile e]\nregion = a\n"
                "[profile z]\nrole_arn = arn\nsource_profile = y\n[profile p]\ncredential_process = /bin/true\n");
    h.write("other", "[default]\naws_access_key_id = AKIA3\naws_secret_access_key = o\n");
    const std::string other = (h.folder / "other").string(), missing = (h.folder / "missing").string();
    const std::string only = "; accepted: aws_access_key_id with aws_secret_access_key";
    const std::pair<config::environment, std::string> rows[] = {
        {{}, "AKIA1/k/"},
        {{{"AWS_PROFILE", "y"}}, "AKIA1/k/t"},
        {{{"AWS_SHARED_CREDENTIALS_FILE", other}}, "AKIA3/o/"},
        {{{"AWS_SHARED_CREDENTIALS_FILE", "~/other"}}, "AKIA3/o/"},
        {{{"AWS_SHARED_CREDENTIALS_FILE", missing}, {"AWS_CONFIG_FILE", other}}, "AKIA3/o/"},
        {{{"AWS_PROFILE", "y"}, {"AWS_ACCESS_KEY_ID", "AKIA4"}, {"AWS_SECRET_ACCESS_KEY", "e"}}, "AKIA4/e/"},
        {{{"AWS_PROFILE", "y"}, {"AWS_ACCESS_KEY_ID", "your_access_key"}, {"AWS_SECRET_ACCESS_KEY", "Your_secret"}}, "AKIA1/k/t"},
        {{{"AWS_PROFILE", "x"}}, "profile: ~/.aws/credentials has aws_access_key_id, but no aws_secret_access_key"},
        {{{"AWS_PROFILE", "q"}}, "profile: no keys of the profile \"q\" in ~/.aws/credentials or ~/.aws/config"},
        {{{"AWS_PROFILE", "z"}}, "profile: the profile \"z\" has role_arn, which is not supported" + only},
        {{{"AWS_PROFILE", "p"}}, "profile: the profile \"p\" has credential_process, which is not supported" + only},
        {{{"AWS_SHARED_CREDENTIALS_FILE", h.folder.string()}, {"AWS_CONFIG_FILE", other}},
         "profile: AWS_SHARED_CREDENTIALS_FILE: not a regular file"},
    };
    for (const auto& [variables, wanted] : rows) {
        CAPTURE(wanted);
        const std::string told = h.look(variables);
        CHECK(told.ends_with(wanted));
    }
    CHECK(h.look({{"AWS_PROFILE", "e"}}).find("no keys of the profile \"e\"") != std::string::npos);
}

TEST_CASE("a profile is read anew while its keys are used, and does not become another source", "[aws][credentials]") {
    home h;
    h.write(".aws/credentials", "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = k\n");
    credentials_chain chain(h.ctx, {.process = h.with({})});
    CHECK(chain.snapshot().source.empty());
    CHECK(h.ask(chain) == "AKIA1/k/");
    CHECK(chain.snapshot().source == "profile");
    h.write(".aws/credentials", "[default]\naws_access_key_id = AKIA2\naws_secret_access_key = k\n");
    h.ctx.run_for(59s);
    CHECK(h.ask(chain) == "AKIA1/k/");
    h.ctx.run_for(1s);
    CHECK(h.ask(chain) == "AKIA1/k/");  // it is read in the background
    CHECK(h.ask(chain) == "AKIA2/k/");
    h.write(".aws/credentials", "");
    h.ctx.run_for(1min);
    h.ask(chain);
    CHECK(h.ask(chain) == "AKIA2/k/");
    CHECK(chain.snapshot().failures == 1);
    CHECK((chain.snapshot().failed_looks == 1 && chain.snapshot().since));
    CHECK(chain.snapshot().source == "profile");
}
