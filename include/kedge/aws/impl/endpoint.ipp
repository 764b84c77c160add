// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/endpoint.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/http/impl/characters.hpp>
#include <kedge/payment/impl/quoted.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace kedge::aws {

namespace detail {

/// A part of AWS with names and accounts of its own.
struct partition {
    std::string_view regions, suffix, dual_stack_suffix;  ///< how its regions' names begin, and where its endpoints are
    bool fips_by_name = true;                             ///< false: every endpoint is one, there is no other name
};

/// By the names of regions. A region that nobody knows yet belongs to the commercial partition, as in AWS's own libraries.
inline const partition& partition_of(std::string_view region) noexcept {
    static constexpr std::array<partition, 8> all = {{
        {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
        {"us-gov-", "amazonaws.com", "api.aws", false},
        {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
        {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
        {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
        {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
        {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
        {"", "amazonaws.com", "api.aws"},
    }};
    return *std::find_if(all.begin(), all.end(), [&](const partition& p) { return region.starts_with(p.regions); });
}

/// Letters, a hyphen, … and a number at the end: "us-gov-west-1". It becomes a part of a host's name.
inline bool is_region(std::string_view name) noexcept {
    std::size_t parts = 1, size = 0;
    for (const char c : name) {
        if (c == '-' && size == 0) return false;
        if (c == '-') ++parts, size = 0;
        else if ((c >= 'a' && c <= 'z') || (http::detail::is_digit(c) && parts > 2)) ++size;
        else return false;
    }
    return parts >= 3 && size > 0 && name.size() <= 32 && http::detail::is_digit(name.back());
}

inline bool is_of(std::string_view host, std::string_view suffix) noexcept {
    return host.ends_with(suffix) && (host.size() == suffix.size() || host[host.size() - suffix.size() - 1] == '.');
}

using address = boost::asio::ip::address;

inline address unwrapped(const address& given) noexcept {
    if (!given.is_v6()) return given;
    const auto bytes = given.to_v6().to_bytes();
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    constexpr std::array<unsigned char, 12> nat64{0, 0x64, 0xff, 0x9b};  // RFC 6052
    if (!std::equal(mapped.begin(), mapped.end(), bytes.begin()) &&
        !std::equal(nat64.begin(), nat64.end(), bytes.begin()))
        return given;
    return boost::asio::ip::address_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
}

inline bool is_one_of(const address& what, std::initializer_list<const char*> texts) noexcept {
    boost::system::error_code ec;
    return std::any_of(texts.begin(), texts.end(),
                       [&](const char* text) { return boost::asio::ip::make_address(text, ec) == what; });
}

/// fd00:ec2::/32: metadata, name service, clock and keys, for instances only.
inline bool is_of_instances(const address& what) noexcept {
    if (!what.is_v6()) return false;
    const auto bytes = what.to_v6().to_bytes();
    return bytes[0] == 0xfd && bytes[1] == 0 && bytes[2] == 0x0e && bytes[3] == 0xc2;
}

inline bool is_link_local(const address& what) noexcept {
    if (what.is_v6()) return what.to_v6().is_link_local();
    return what.to_v4().to_uint() >> 16 == 0xa9fe;  // 169.254/16
}

inline bool is_broadcast(const address& what) noexcept { return what == boost::asio::ip::address_v4::broadcast(); }

[[noreturn]] inline void refuse_endpoint(const std::string& why) { throw std::invalid_argument("kedge::aws: " + why); }

inline http::url parsed(std::string_view text, const std::string& name) {
    try {
        return http::parse_url(text, true);
    } catch (const std::invalid_argument& e) {
        refuse_endpoint(name + ": " + e.what());
    }
}

/// @throws if the host is an address that does not count; one that is a name has to wait for its addresses
inline endpoint checked(http::url url, reach within, const std::string& name) {
    endpoint out{std::move(url), within};
    boost::system::error_code ec;
    const address literal = boost::asio::ip::make_address(out.url.host, ec);
    if (ec || out.allows(literal)) return out;
    refuse_endpoint(name +
                    (within == reach::container
                         ? " has http:// to another machine; accepted: https://, or http:// to 127.0.0.0/8, ::1, "
                           "169.254.170.2, 169.254.170.23 or fd00:ec2::23"
                         : " is a link-local, multicast or unspecified address, or one of the instance's own services; "
                           "accepted: a server's address"));
}

inline bool is_this_machine(const http::url& url) noexcept {
    boost::system::error_code ec;
    const address literal = boost::asio::ip::make_address(url.host, ec);
    return url.host == "localhost" || (!ec && unwrapped(literal).is_loopback());
}

inline endpoint overridden(const endpoint_options& o, const partition& home) {
    if (o.fips || o.dual_stack)
        refuse_endpoint("an endpoint of your own excludes fips and dual_stack: choose the host by its url");
    http::url url = parsed(o.url, "the endpoint's url");
    if (!url.tls && !is_this_machine(url))
        refuse_endpoint(
            "the endpoint's url is http://, where all that is logged would be readable on the way; accepted: https://");
    if (!url.tls && !o.plain_loopback)
        refuse_endpoint(
            "the endpoint's url is http:// to this machine, which has to be allowed explicitly (plain_loopback)");
    if (!is_this_machine(url) && !o.any_host && !is_of(url.host, home.suffix) &&
        !is_of(url.host, home.dual_stack_suffix))
        refuse_endpoint(
            "the endpoint's host is none of AWS's for this region, which has to be allowed explicitly (any_host); "
            "accepted: a host under " +
            std::string(home.suffix) + " or " + std::string(home.dual_stack_suffix));
    const reach within = is_this_machine(url) ? reach::loopback : reach::network;
    return checked(std::move(url), within, "the endpoint's url");
}

}  // namespace detail

KEDGE_DECL bool endpoint::allows(const boost::asio::ip::address& given) const noexcept {
    const detail::address what = detail::unwrapped(given);
    switch (within) {
    case reach::loopback: return what.is_loopback();
    case reach::container:
        return what.is_loopback() || detail::is_one_of(what, {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"});
    case reach::metadata: return detail::is_one_of(what, {"169.254.169.254", "fd00:ec2::254"});
    case reach::network: break;
    }
    return !what.is_unspecified() && !what.is_multicast() && !detail::is_broadcast(what) &&
           !detail::is_link_local(what) && !detail::is_of_instances(what);
}

KEDGE_DECL endpoint service_endpoint(std::string_view service, const endpoint_options& o) {
    if (!detail::is_region(o.region))
        detail::refuse_endpoint("region = " + kedge::detail::quoted(o.region) +
                                " is none; accepted: the name of an AWS region, such as eu-central-1");
    const detail::partition& home = detail::partition_of(o.region);
    if (!o.url.empty()) return detail::overridden(o, home);
    std::string host(service);
    if (o.fips && (home.fips_by_name || o.dual_stack)) host += "-fips";
    ((host += '.') += o.region) += '.';
    host += o.dual_stack ? home.dual_stack_suffix : home.suffix;
    return {http::parse_url("https://" + host), reach::network};
}

KEDGE_DECL container_endpoint container_credentials_endpoint(std::string_view relative, std::string_view full) {
    const bool fixed = !relative.empty();
    const std::string name = fixed ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const auto scheme = full.find("://");
    const auto path = fixed ? 0 : full.find_first_of("/?#", scheme == full.npos ? 0 : scheme + 3);
    std::string target(fixed ? relative : path == full.npos ? "/" : full.substr(path));
    if (target[0] == '?') target.insert(0, 1, '/');
    if (!http::detail::is_target(target))
        detail::refuse_endpoint(name +
                                " has a path with a character that it may not have; accepted: /path, percent-encoded");
    if (fixed) return {{http::parse_url("http://169.254.170.2", true), reach::container}, std::move(target)};
    http::url url = detail::parsed(full.substr(0, path), name);
    const reach within = url.tls ? reach::network : reach::container;
    return {detail::checked(std::move(url), within, name), std::move(target)};
}

KEDGE_DECL endpoint instance_metadata_endpoint(bool ipv6) {
    return {http::parse_url(ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254", true), reach::metadata};
}

}  // namespace kedge::aws
