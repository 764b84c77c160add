// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/url.hpp>
#include <kedge/sql/connection_concept.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include <libpq-fe.h>
#include <pwd.h>
#include <unistd.h>

namespace kedge::postgres {

namespace detail {

/// No file can have this name, so that libpq finds none where it would look into the home directory otherwise.
inline constexpr char no_file[] = "/dev/null/none";

/// libpq's keywords; what the URL does not set is "" at first.
using keywords = std::map<std::string, std::string, std::less<>>;

[[noreturn]] inline void refuse(std::string_view url, const std::string& why) {
    kedge::detail::refuse_url(url, why, accepted_urls);
}

inline std::vector<std::string> split(std::string_view list, char by) {
    std::vector<std::string> parts;
    for (;;) {
        const auto end = list.find(by);
        parts.emplace_back(list.substr(0, end));
        if (end == std::string_view::npos) return parts;
        list.remove_prefix(end + 1);
    }
}

struct options_list {
    std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> all{nullptr, &PQconninfoFree};

    explicit options_list(const std::string& url) {
        char* text = nullptr;
        all.reset(PQconninfoParse(url.c_str(), &text));
        PQfreemem(text);  // it repeats the URL with its password
    }
    template <class F> void each(F f) const {
        for (const PQconninfoOption* o = all.get(); o != nullptr && o->keyword != nullptr; ++o) f(*o);
    }
    bool knows(std::string_view keyword) const {
        bool found = false;
        each([&](const PQconninfoOption& o) { found = found || o.keyword == keyword; });
        return found;
    }
};

inline bool take_switch(std::string_view url, std::string_view name, std::string_view value, std::string_view on,
                        std::string_view off) {
    if (value == on) return true;
    if (value == off) return false;
    refuse(url, std::string(name) + " is either " + std::string(on) + " or " + std::string(off));
}

/// Whether what stands behind may be a piece of a password that ends there only because its & or ? was not escaped.
inline bool may_end_in_password(std::string_view before) noexcept {
    if (before.find("password=") != std::string_view::npos) return true;
    std::string_view authority = before.substr(before.find("://") + 3);
    authority = authority.substr(0, authority.find_first_of("/?"));
    const auto colon = authority.rfind(':');
    return authority.find('@') == std::string_view::npos && colon != std::string_view::npos &&
           authority.find_first_not_of("0123456789,]", colon + 1) != std::string_view::npos;
}

/// @param at  where the parameter begins   @param number  from 1
[[noreturn]] inline void refuse_parameter(std::string_view url, std::string_view name, std::size_t at, int number) {
    const bool is_word = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    if (is_word && url.find('@', at) == std::string_view::npos && !may_end_in_password(url.substr(0, at)))
        refuse(url, "there is no parameter \"" + std::string(name) + "\"");
    refuse(url, "parameter " + std::to_string(number) +
                    " is none; & in a value is written as %26, ? in a password as %3F, and @ as %40");
}

/// Takes kedge's own parameters out of the URL; what is left is for libpq. Keywords that libpq does not know are named here,
/// since what libpq says about them repeats the whole URL.
inline std::string take_own(std::string_view url, location& into) {
    const auto question = url.find('?');
    std::string rest(url.substr(0, question));
    if (question == std::string_view::npos) return rest;
    const options_list known("postgresql://");
    char separator = '?';
    std::size_t at = question + 1;
    int number = 0;
    for (const std::string& part : split(url.substr(question + 1), '&')) {
        ++number;
        const auto equals = part.find('=');
        const std::string name = part.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
        if (equals == std::string::npos) refuse(url, "a parameter without a value");
        if (name == "prepared") into.prepared = take_switch(url, name, value, "on", "off");
        else if (name == "reset") into.always_reset = take_switch(url, name, value, "always", "auto");
        else if (name == "service" || name == "passfile")
            refuse(url, name + " would take the configuration from a file; write it into the URL");
        else if (!known.knows(name) && name != "ssl") refuse_parameter(url, name, at, number);
        else rest += separator + part, separator = '&';
        at += part.size() + 1;
    }
    return rest;
}

inline keywords parse_keywords(std::string_view url, const std::string& for_libpq) {
    const options_list parsed(for_libpq);
    if (parsed.all == nullptr)
        refuse(url, "it is malformed: special characters in user, password and database are written as %XX, an IPv6 "
                    "address stands in brackets");
    keywords set;
    parsed.each([&](const PQconninfoOption& o) { set[o.keyword] = o.val != nullptr ? o.val : ""; });
    return set;
}

inline void set_default(keywords& set, const char* keyword, std::string_view value) {
    if (const auto found = set.find(keyword); found != set.end() && found->second.empty()) found->second = value;
}

inline std::string own_user_name() {
    std::array<char, 1024> memory{};
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::geteuid(), &entry, memory.data(), memory.size(), &found);
    return found != nullptr ? found->pw_name : "";
}

/// Where the distributions keep the authorities that the system trusts; libpq 15 does not ask OpenSSL for them.
inline std::string system_authorities() {
    for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                             "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
        if (std::error_code ignored; std::filesystem::exists(file, ignored)) return file;
    return {};
}

inline bool is_local(const server& s) {
    if (s.host.starts_with('/') || s.host.starts_with('@')) return true;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(s.address, ec);
    return ec ? s.host == "localhost" : address.is_loopback();
}

inline void check_port(std::string_view url, const std::string& port) {
    const bool digits = !port.empty() && port.size() <= 5 &&
                        std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!digits || std::stoi(port) < 1 || std::stoi(port) > 65'535) refuse(url, "a port is a number from 1 to 65535");
}

inline void check_sslmode(std::string_view url, const std::string& mode) {
    for (const char* known : {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
        if (mode == known) return;
    refuse(url, "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full");
}

inline std::vector<server> list_servers(std::string_view url, const keywords& set) {
    const auto hosts = split(set.at("host"), ','), addresses = split(set.at("hostaddr"), ',');
    const auto ports = split(set.at("port"), ',');
    const std::size_t count = std::max(hosts.size(), addresses.size());
    if ((hosts.size() != count && !set.at("host").empty()) || (addresses.size() != count && !set.at("hostaddr").empty()))
        refuse(url, "host and hostaddr list as many servers");
    if (ports.size() != count && ports.size() != 1) refuse(url, "one port for all hosts, or one for each");
    std::vector<server> all;
    for (std::size_t i = 0; i < count; ++i) {
        server one;
        one.address = addresses.size() == count ? addresses[i] : "";
        one.host = hosts.size() == count && !hosts[i].empty() ? hosts[i] : one.address;
        one.port = ports[ports.size() == 1 ? 0 : i].empty() ? "5432" : ports[ports.size() == 1 ? 0 : i];
        if (one.host.empty()) refuse(url, "the host is missing");
        check_port(url, one.port);
        boost::system::error_code ec;
        if (boost::asio::ip::make_address(one.host, ec); !ec && one.address.empty()) one.address = one.host;
        if (boost::asio::ip::make_address(one.address, ec); ec && !one.address.empty())
            refuse(url, "hostaddr is an IP address");
        one.sslmode = !set.at("sslmode").empty() ? set.at("sslmode") : is_local(one) ? "disable" : "verify-full";
        check_sslmode(url, one.sslmode);
        all.push_back(std::move(one));
    }
    return all;
}

inline bool verifies(const server& s) { return s.sslmode.starts_with("verify-"); }

/// An authority that cannot be loaded is an error of the configuration: it is told here and not at the first statement.
inline void check_authorities(std::string_view url, keywords& set, const std::vector<server>& servers) {
    if (std::none_of(servers.begin(), servers.end(), verifies)) return;
    set_default(set, "sslrootcert", system_authorities());
    if (set.at("sslrootcert").empty())
        refuse(url, "sslrootcert is missing: the file of certificate authorities to verify the server with");
    if (!std::ifstream(set.at("sslrootcert"))) refuse(url, "the file of sslrootcert cannot be read");
}

inline bool mentions(std::string options, std::string_view setting) {
    std::transform(options.begin(), options.end(), options.begin(), [](unsigned char c) { return std::tolower(c); });
    return options.find(setting) != std::string::npos;
}

/// What results are read by. Not sent to a proxy, which would not know whom to give it to.
inline constexpr char session_options[] = "-c DateStyle=ISO -c TimeZone=UTC -c extra_float_digits=1 -c bytea_output=hex "
                                          "-c standard_conforming_strings=on";

inline void set_defaults(keywords& set, const location& where) {
    set_default(set, "user", own_user_name());
    set_default(set, "dbname", set.at("user"));
    set_default(set, "application_name", "kedge");
    set_default(set, "gssencmode", "disable");
    set_default(set, "target_session_attrs", "any");
    set_default(set, "ssl_min_protocol_version", "TLSv1.2");
    set_default(set, "tcp_user_timeout", "15000");
    set_default(set, "keepalives", "1");
    set_default(set, "keepalives_idle", "30");
    set_default(set, "keepalives_interval", "5");
    set_default(set, "keepalives_count", "3");
    set_default(set, "connect_timeout", "0");  // not of the non-blocking interface
    for (const char* file : {"sslcert", "sslkey", "sslcrl", "sslrootcert", "passfile"}) set_default(set, file, no_file);
    set["client_encoding"] = "UTF8";
    if (where.prepared) set["options"] = std::string(session_options) + " " + set.at("options");
    const options_list all("postgresql://");
    all.each([&](const PQconninfoOption& o) { set_default(set, o.keyword, o.compiled != nullptr ? o.compiled : ""); });
}

}  // namespace detail

KEDGE_DECL location parse_url(std::string_view url) {
    using namespace detail;
    if (!url.starts_with("postgresql://") && !url.starts_with("postgres://"))
        refuse(url, "this client speaks to PostgreSQL only");
    if (kedge::detail::check_text(url)) refuse(url, "it holds a NUL or invalid UTF-8");
    location where;
    keywords set = parse_keywords(url, take_own(url, where));
    where.servers = list_servers(url, set);
    check_authorities(url, set, where.servers);
    if (set.at("target_session_attrs") == "prefer-standby")
        refuse(url, "target_session_attrs=prefer-standby is not supported: servers are tried one after the other");
    where.own_time_zone = mentions(set.at("options"), "timezone");
    where.own_geqo = mentions(set.at("options"), "geqo");
    set_defaults(set, where);
    if (set.at("user").empty()) refuse(url, "the user is missing");
    for (const char* of_server : {"host", "hostaddr", "port", "sslmode", "service"}) set.erase(of_server);
    where.settings.assign(set.begin(), set.end());
    return where;
}

}  // namespace kedge::postgres
