// SPDX-License-Identifier: BSL-1.0
// Who may speak for a host: every way in which a server can fail to prove it, at a first handshake, after the server's
// certificate has changed, and with a session from before that.
#include "scripted_server.hpp"
#include "user.hpp"

#include <kedge/http/impl/tls_sessions.hpp>

#include "support/catch.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace http = kedge::http;
using http::send_phase;
using kedge::testing::certificate_kind;
using namespace http_test;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view fine = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

void answer(peer& p) {
    if (p.read_request().empty()) return;
    p.write(fine);
    p.wait_for_end();
}

void answer_and_renegotiate(peer& p) {
    p.renegotiate();
    answer(p);
}

/// A client of this server, under any name.
struct visitor : user {
    visitor(const scripted_server& server, const std::string& host, bool resume)
        : user(options(server, host, resume), loopback) {}

    static http::client_options options(const scripted_server& server, const std::string& host, bool resume) {
        auto o = options_for(server, host);
        o.tls.resume = resume;
        return o;
    }
};

enum class end : std::uint8_t {
    connects,
    resumes,       ///< connects, without having seen the certificate
    not_verified,  ///< nothing was sent
    refused,       ///< by an error of TLS; nothing was sent
    lost,          ///< after the request was sent
};

constexpr std::string_view name_of(end e) {
    constexpr std::string_view names[] = {"connects", "resumes", "not verified", "refused", "lost"};
    return names[static_cast<int>(e)];
}

end ask(user& u, const scripted_server& server) {
    const std::size_t before = server.visits().size();
    const result r = u.ask();
    const visit seen = server.visits().back();
    if (r.ec == http::errc::not_verified) CHECK(server.visits().size() <= before + 1);  // no use to try again soon
    if (!r.ec) return seen.resumed ? end::resumes : end::connects;
    if (r.phase >= send_phase::partial) return end::lost;
    CHECK(seen.received == 0);
    CHECK(r.phase == send_phase::connected);
    return r.ec == http::errc::not_verified ? end::not_verified : end::refused;
}

/// How the server is once its certificate is as the row says.
struct row {
    std::string_view name;
    certificate_kind kind = certificate_kind::good;
    std::string host = "localhost";
    scripted_server::settings tune{};
    end expected = end::connects;
    end resumed = end::resumes;  ///< when the client has a session from when all was well
    certificate_kind before = certificate_kind::good;
    scripted_server::script script = answer;
};

template <int Min, int Max> void versions(SSL_CTX* ctx) {
    SSL_CTX_set_min_proto_version(ctx, Min);
    SSL_CTX_set_max_proto_version(ctx, Max);
    SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
}

void weak_cipher(SSL_CTX* ctx) {
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, "ECDHE+AES:!AESGCM:!AESCCM");
}

/// Who does not name localhost is sent away.
void wants_sni(SSL_CTX* ctx) {
    SSL_CTX_set_tlsext_servername_callback(ctx, +[](SSL* ssl, int*, void*) -> int {
        const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        return name && name == "localhost"sv ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    });
}

void only_h2(SSL_CTX* ctx) {
    SSL_CTX_set_alpn_select_cb(ctx, +[](SSL*, const unsigned char**, unsigned char*, const unsigned char* offered,
                                        unsigned int size, void*) -> int {
        const std::string_view all(reinterpret_cast<const char*>(offered), size);
        return all.find("h2") == all.npos ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
    }, nullptr);
}

template <int Max> void wants_client(SSL_CTX* ctx) {
    SSL_CTX_set_max_proto_version(ctx, Max);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

/// The rows of the first kind are told by the certificate.
std::vector<row> certificates() {
    using k = certificate_kind;
    constexpr end not_verified = end::not_verified;
    const std::string shop = "pay.example.com";
    return {
        {.name = "good"},
        {.name = "good, for the address", .host = "127.0.0.1"},
        {.name = "good, with its intermediate", .kind = k::intermediate},
        {.name = "wildcard *.example.com", .kind = k::wildcard, .host = shop, .before = k::wildcard},
        {.name = "1 self-signed", .kind = k::self_signed, .expected = not_verified},
        {.name = "2 expired", .kind = k::expired, .expected = not_verified},
        {.name = "3 not yet valid", .kind = k::not_yet_valid, .expected = not_verified},
        {.name = "4 wrong host", .kind = k::wrong_host, .expected = not_verified},
        {.name = "5 common name only", .kind = k::no_san, .expected = not_verified},
        {.name = "6 wildcard *.*.com", .kind = k::two_wildcards, .host = shop, .expected = not_verified, .before = k::wildcard},
        {.name = "6 wildcard pay*.example.com", .kind = k::partial, .host = "payment.example.com", .expected = not_verified,
         .before = k::wildcard},
        {.name = "6 wildcard, two labels deep", .kind = k::wildcard, .host = "a.b.example.com", .expected = not_verified,
         .resumed = not_verified, .before = k::wildcard},
        {.name = "7 address certified, name wanted", .kind = k::address_only, .expected = not_verified},
        {.name = "7 name certified, address wanted", .kind = k::name_only, .host = "127.0.0.1", .expected = not_verified},
        {.name = "8 unknown authority", .kind = k::unknown_ca, .expected = not_verified},
        {.name = "9 revoked (not checked)", .kind = k::revoked},
        {.name = "10 missing intermediate", .kind = k::no_intermediate, .expected = not_verified},
        {.name = "certificate of a client", .kind = k::for_clients, .expected = not_verified},
        {.name = "chain of forty", .kind = k::long_chain, .expected = not_verified},
    };
}

/// Those of the second by what the server wants of a handshake.
std::vector<row> handshakes() {
    constexpr end refused = end::refused;
    return {
        {.name = "TLS 1.2", .tune = versions<TLS1_2_VERSION, TLS1_2_VERSION>},
        {.name = "11 TLS 1.0 only", .tune = versions<TLS1_VERSION, TLS1_VERSION>, .expected = refused, .resumed = refused},
        {.name = "11 TLS 1.1 only", .tune = versions<TLS1_1_VERSION, TLS1_1_VERSION>, .expected = refused, .resumed = refused},
        {.name = "11 no AEAD cipher", .tune = weak_cipher, .expected = refused, .resumed = refused},
        {.name = "12 renegotiation asked for", .tune = versions<TLS1_2_VERSION, TLS1_2_VERSION>,
         .script = answer_and_renegotiate},
        {.name = "13 SNI required, and sent", .tune = wants_sni},
        {.name = "13 SNI required, for an address", .host = "127.0.0.1", .tune = wants_sni, .expected = refused,
         .resumed = refused},
        {.name = "13 SNI ignored", .kind = certificate_kind::wrong_host, .expected = end::not_verified},
        {.name = "14 ALPN h2 only", .tune = only_h2, .expected = refused, .resumed = refused},
        {.name = "client certificate, TLS 1.2", .tune = wants_client<TLS1_2_VERSION>, .expected = refused, .resumed = refused},
        {.name = "client certificate, TLS 1.3", .tune = wants_client<TLS1_3_VERSION>, .expected = end::lost,
         .resumed = end::lost},
    };
}

struct found {
    end fresh, swapped, resumed;
};

found play(const row& r) {
    found out{};
    const auto change = [&r](scripted_server& server) {
        server.show(r.kind);
        if (r.tune) server.change(r.tune);
        server.play(r.script);
    };
    {
        scripted_server server(answer);
        change(server);
        visitor u(server, r.host, false);
        out.fresh = ask(u, server);
    }
    for (const bool resume : {false, true}) {
        scripted_server server(answer);
        // a session is for the version in which it was made
        if (r.tune && r.expected != end::refused) server.change(r.tune);
        server.show(r.before);
        visitor u(server, r.host, resume);
        (void)u.ask();
        change(server);
        (resume ? out.resumed : out.swapped) = ask(u, server);
        for (const visit& v : server.visits()) CHECK(v.client_hellos <= 1);  // no second handshake inside of one
    }
    return out;
}

}  // namespace

TEST_CASE("the certificate matrix") {
    std::string table = fmt::format("\n{:34} {:14} {:14} {:14}\n", "server", "new", "changed", "with a session");
    auto rows = certificates();
    for (row& r : handshakes()) rows.push_back(std::move(r));
    for (const row& r : rows) {
        CAPTURE(r.name);
        const found f = play(r);
        const bool right = f.fresh == r.expected && f.swapped == r.expected && f.resumed == r.resumed;
        table += fmt::format("{:34} {:14} {:14} {:14}{}\n", r.name, name_of(f.fresh), name_of(f.swapped), name_of(f.resumed),
                             right ? "" : "  WRONG");
        CHECK(f.fresh == r.expected);
        CHECK(f.swapped == r.expected);  // resumption is off unless it is asked for
        CHECK(f.resumed == r.resumed);
    }
    std::fputs(table.c_str(), stdout);
}

TEST_CASE("a session belongs to one client, and so to its authorities") {
    scripted_server server(answer);
    visitor u(server, "localhost", true);
    CHECK(ask(u, server) == end::connects);
    auto o = visitor::options(server, "localhost", true);
    o.tls.ca_pem = kedge::testing::detail::to_pem(kedge::testing::detail::make_authority().certificate.get());
    user other(o, loopback);
    CHECK(ask(other, server) == end::not_verified);
    CHECK(ask(u, server) == end::resumes);
    visitor again(server, "localhost", true);
    CHECK(ask(again, server) == end::connects);
}

TEST_CASE("a session does not outlive the certificate that it was made with") {
    scripted_server server(answer);
    auto plan = kedge::testing::detail::plan_of(certificate_kind::good);
    plan.to = 2s;
    server.show(make_identity(certificate_kind::good, plan, authority()));
    visitor u(server, "localhost", true);
    CHECK(ask(u, server) == end::connects);
    CHECK(ask(u, server) == end::resumes);
    const auto over = kedge::now() + 3s;  // the certificate's time is in whole seconds
    while (kedge::now() < over) u.io.run_one_until(over), u.io.restart();
    server.show(certificate_kind::good);
    result r = u.ask();
    for (int i = 0; r.ec && i < 20; ++i) {  // the pool may give up before its next dial, which has no session
        CHECK(r.ec != http::errc::not_verified);
        r = u.ask();
    }
    CHECK_FALSE(r.ec);
    const auto seen = server.visits();
    REQUIRE(seen.size() >= 4);
    CHECK(seen[2].resumed);
    CHECK(seen[2].received == 0);
    CHECK_FALSE(seen.back().resumed);
}

TEST_CASE("a server that does not know the session any more has to show its certificate") {
    scripted_server server(answer);
    visitor u(server, "localhost", true);
    CHECK(ask(u, server) == end::connects);
    server.change([](SSL_CTX* ctx) {
        unsigned char keys[80] = {42};
        SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof keys);
    });
    server.show(certificate_kind::wrong_host);
    CHECK(ask(u, server) == end::not_verified);
}

TEST_CASE("a session is kept for an hour, and never if the clock was set back") {
    using clock = std::chrono::system_clock;
    const http::detail::tls_session_ptr made(SSL_SESSION_new());
    http::detail::tls_sessions sessions;
    CHECK_FALSE(sessions.get(clock::time_point{}));
    const auto born = clock::from_time_t(SSL_SESSION_get_time(made.get()));
    sessions.keep(*made);
    CHECK(sessions.get(born));
    CHECK(sessions.get(born + 3599s));
    CHECK_FALSE(sessions.get(born + 3600s));
    CHECK_FALSE(sessions.get(born));  // gone for good
    sessions.keep(*made);
    CHECK_FALSE(sessions.get(born - 61s));
    sessions.keep(*made);
    sessions.drop();
    CHECK_FALSE(sessions.get(born));
}
