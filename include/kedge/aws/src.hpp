// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bodies of what talks to AWS, for the unit that includes `kedge/src.hpp` and `kedge/http/src.hpp`. Needs what the
// component `http` needs.

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/aws/configured_sink.hpp>
#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/spool.hpp>
#include <kedge/aws/emf.hpp>
#include <kedge/aws/emf_reporter.hpp>
#include <kedge/aws/endpoint.hpp>
#include <kedge/aws/https_log_transport.hpp>
#include <kedge/aws/sigv4.hpp>
#include <kedge/aws/static_credentials.hpp>

#include <kedge/aws/detail/impl/container_keys.ipp>
#include <kedge/aws/detail/impl/delivery.ipp>
#include <kedge/aws/detail/impl/delivery_answers.ipp>
#include <kedge/aws/detail/impl/delivery_disk.ipp>
#include <kedge/aws/detail/impl/delivery_repairs.ipp>
#include <kedge/aws/detail/impl/delivery_shell.ipp>
#include <kedge/aws/detail/impl/delivery_telling.ipp>
#include <kedge/aws/detail/impl/gzip.ipp>
#include <kedge/aws/detail/impl/key_answer.ipp>
#include <kedge/aws/detail/impl/key_cache_shell.ipp>
#include <kedge/aws/detail/impl/key_chain.ipp>
#include <kedge/aws/detail/impl/key_server.ipp>
#include <kedge/aws/detail/impl/metadata_keys.ipp>
#include <kedge/aws/detail/impl/prepare.ipp>
#include <kedge/aws/detail/impl/profile_keys.ipp>
#include <kedge/aws/detail/impl/profile_text.ipp>
#include <kedge/aws/detail/impl/requested_keys.ipp>
#include <kedge/aws/detail/impl/service_answer.ipp>
#include <kedge/aws/detail/impl/spool.ipp>
#include <kedge/aws/detail/impl/spool_recovery.ipp>
#include <kedge/aws/detail/impl/web_identity_keys.ipp>
#include <kedge/aws/impl/cloudwatch_sink.ipp>
#include <kedge/aws/impl/configured_sink.ipp>
#include <kedge/aws/impl/credentials.ipp>
#include <kedge/aws/impl/credentials_chain.ipp>
#include <kedge/aws/impl/emf.ipp>
#include <kedge/aws/impl/emf_reporter.ipp>
#include <kedge/aws/impl/endpoint.ipp>
#include <kedge/aws/impl/https_log_transport.ipp>
#include <kedge/aws/impl/sigv4.ipp>
#include <kedge/aws/impl/static_credentials.ipp>
