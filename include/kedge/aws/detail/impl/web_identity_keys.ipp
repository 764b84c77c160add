// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/key_answer.hpp>
#include <kedge/aws/detail/web_identity_keys.hpp>
#include <kedge/aws/impl/canonical_request.hpp>
#include <kedge/detail/config.hpp>

#include <initializer_list>
#include <stdexcept>
#include <utility>

namespace kedge::aws::detail {

inline std::string form_body(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    std::string out;
    for (const auto& [name, value] : fields) {
        if (!out.empty()) out += '&';
        (out += name) += '=';
        append_encoded(out, value, "");
    }
    return out;
}

/// @return what is wrong with the variables; empty: nothing
inline std::string set_by_environment(endpoint_options& sts, const config::environment& variables) {
    for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
        if (sts.region.empty()) sts.region = value_of(variables, name);
    if (sts.region.empty()) return "AWS_REGION is not set, which says whose STS is asked";
    for (const auto& [name, on] : {std::pair("AWS_USE_FIPS_ENDPOINT", &sts.fips),
                                   std::pair("AWS_USE_DUALSTACK_ENDPOINT", &sts.dual_stack)}) {
        std::string value = value_of(variables, name);
        for (char& c : value)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (!value.empty() && value != "true" && value != "false") return std::string(name) + " is neither true nor false";
        *on = *on || value == "true";
    }
    return {};
}

KEDGE_DECL web_identity_keys::web_identity_keys(const boost::asio::any_io_executor& ex, const config::environment& variables,
                                                endpoint_options sts, const key_server_maker& make)
    : requested_keys(ex, variables, "AWS_WEB_IDENTITY_TOKEN_FILE"), role_(value_of(variables, "AWS_ROLE_ARN")),
      session_(value_of(variables, "AWS_ROLE_SESSION_NAME")) {
    unusable_ = absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    if (!has_token_file()) return;
    unusable_ = failed("AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    if (role_.empty()) return;
    const std::string wrong = sts.region.empty() ? set_by_environment(sts, variables) : std::string();
    unusable_ = failed(wrong);
    if (!wrong.empty()) return;
    if (session_.empty()) session_ = "kedge-" + std::to_string(runtime::of(ex).random());
    try {
        server_ = make(service_endpoint("sts", sts), {std::chrono::seconds(5), 2});
    } catch (const std::exception& e) {
        unusable_ = failed(e.what());
    }
}

/// Not signed: the token is all that shows who asks.
KEDGE_DECL http::request web_identity_keys::request_with(const std::string& token) const {
    http::request what{
        "POST", "/", {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, {"Accept", "text/xml"}}};
    what.body = form_body({{"Action", "AssumeRoleWithWebIdentity"},
                           {"Version", "2011-06-15"},
                           {"RoleArn", role_},
                           {"RoleSessionName", session_},
                           {"WebIdentityToken", token}});
    return what;
}

KEDGE_DECL found_keys web_identity_keys::keys_from(http::response answer) const { return keys_in_xml(std::move(answer)); }

}  // namespace kedge::aws::detail
