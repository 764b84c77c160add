// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/url.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::aws {

/// Where an endpoint's name may lead.
enum class reach : std::uint8_t {
    network,   ///< anywhere but link-local, multicast, unspecified, and what AWS answers from inside an instance
    loopback,  ///< this machine
    container,  ///< this machine, or the agents that give containers their keys: 169.254.170.2, 169.254.170.23, fd00:ec2::23
    metadata,  ///< the instance's metadata service: 169.254.169.254, fd00:ec2::254
};

/// Where requests to AWS go, and which addresses count for it: a name may be made to lead anywhere, at any time.
struct endpoint {
    http::url url;
    reach within = reach::network;

    /** Whether a connection may be opened there. To be asked for each address that the name has, at every connect.
     *  An IPv4 address that is written as an IPv6 one (mapped, or behind NAT64) counts as what it is. */
    bool allows(const boost::asio::ip::address&) const noexcept;
};

struct endpoint_options {
    std::string region{};     ///< "eu-central-1"; required
    std::string url{};        ///< in place of the service's own: a VPC endpoint, a proxy, an emulator
    bool fips = false;        ///< the service's endpoint with validated cryptography; not together with `url`
    bool dual_stack = false;  ///< that with IPv4 and IPv6; not together with `url`
    bool any_host = false;    ///< accept a `url` that is neither AWS's nor this machine: it will see all that is sent
    bool plain_loopback = false;  ///< accept a `url` with `http://` if it is this machine
};

/** The endpoint of a service: `https://SERVICE.REGION.SUFFIX`, by the partition of the region, or `url`.
 *
 *  @param service  "logs", "sts": one whose endpoints follow that rule
 *  @throws std::invalid_argument names the option and the accepted form, never the URL, which may be secret: a region that is
 *          none; `url` with `fips` or `dual_stack`; `http://` to anything but this machine; a host outside the domains of the
 *          region's partition without `any_host`; an address that @ref endpoint::allows refuses
 */
endpoint service_endpoint(std::string_view service, const endpoint_options&);

/// Where a container asks for its keys.
struct container_endpoint {
    endpoint to;
    std::string target;
};

/** @param relative  `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, a path at 169.254.170.2; wins if both are given
 *  @param full      `AWS_CONTAINER_CREDENTIALS_FULL_URI`: `https://` to any host, `http://` within @ref reach::container
 *  @throws std::invalid_argument names the variable and what is wrong, never its value
 */
container_endpoint container_credentials_endpoint(std::string_view relative, std::string_view full);

/// The metadata service of an EC2 instance, at its fixed address.
endpoint instance_metadata_endpoint(bool ipv6 = false);

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/endpoint.ipp>
#endif
