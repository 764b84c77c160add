// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::postgres {

/// The forms that @ref parse_url accepts, for messages.
inline constexpr std::string_view accepted_urls =
    "postgresql://user:password@host:port/database?parameter=value&..., several hosts as host1:port1,host2:port2, a Unix "
    "socket as postgresql://user@/database?host=/var/run/postgresql; parameters: libpq's (sslmode, sslrootcert, "
    "application_name, ...), prepared=on|off (default on), reset=auto|always (default auto)";

/// One server to try. @see location
struct server {
    std::string host;     ///< a name, an address, or the folder of a Unix socket
    std::string address;  ///< if it need not be looked up; empty for a Unix socket, too
    std::string port;
    std::string sslmode;
};

/// Where a database is, and how to log in there: complete, so that nothing is taken from the process's environment.
struct location {
    std::vector<server> servers;                                ///< in the order in which they are tried
    std::vector<std::pair<std::string, std::string>> settings;  ///< libpq's other keywords, all of them
    bool prepared = true;        ///< false behind a proxy that lends a session for one transaction only (PgBouncer)
    bool always_reset = false;   ///< cleans each session that comes back, not only one that looks as if it needed that
    bool own_time_zone = false;  ///< `options` sets TimeZone; else it is UTC
    bool own_geqo = false;       ///< `options` sets how queries are planned; else the environment must not
};

/** Parses `postgresql://` and `postgres://` URLs.
 *
 *  What the URL leaves out has a default of kedge's own; environment variables, `~/.pgpass`, service files and the files of
 *  `~/.postgresql` are not read. Hosts that are not this machine: `sslmode=verify-full` with the system's certificate
 *  authorities unless `sslrootcert` names others. Loopback and Unix sockets: `sslmode=disable`, as nothing leaves the
 *  machine. TLS 1.2 at least. `application_name=kedge`, TCP keepalive after 30 s of silence, `tcp_user_timeout` 15 s. The
 *  user is the process's own if none is given; the port 5432; the database is named as the user.
 *
 *  @throws std::invalid_argument names what is wrong and the accepted forms, and repeats no part of the URL that may be secret
 */
location parse_url(std::string_view url);

}  // namespace kedge::postgres

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/postgres/impl/url.ipp>
#endif
