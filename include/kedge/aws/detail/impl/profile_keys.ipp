// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/elsewhere.hpp>
#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/profile_keys.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/payment/impl/quoted.hpp>

#include <utility>

namespace kedge::aws::detail {

/// Keys that stand in one file; never half of them from each.
inline found_keys keys_of(const profile& in, const std::string& file) {
    const std::string_view id = in["aws_access_key_id"], key = in["aws_secret_access_key"], token = in["aws_session_token"];
    if (id.empty() && key.empty()) return absent({});
    if (id.empty() || key.empty())
        return failed(file + " has aws_" + (id.empty() ? "secret_access_key, but no aws_access_key_id"
                                                       : "access_key_id, but no aws_secret_access_key"));
    found_keys out = found({std::string(id), std::string(key), std::string(token)});
    out.may_change = true;
    return out;
}

/// What would be another identity than the keys beside it, or their only source. Empty: nothing of the kind.
inline std::string_view other_way(const profile& in, bool has_keys) noexcept {
    for (const std::string_view name : {"role_arn", "sso_session", "sso_start_url"})
        if (!in[name].empty()) return name;
    return !has_keys && !in["credential_process"].empty() ? "credential_process" : std::string_view();
}

KEDGE_DECL profile_keys::profile_keys(const boost::asio::any_io_executor& ex, const config::environment& variables)
    : executor_(ex), profile_(value_of(variables, "AWS_PROFILE").empty() ? "default" : value_of(variables, "AWS_PROFILE")),
      is_chosen_(!value_of(variables, "AWS_PROFILE").empty()),
      credentials_(file_of(variables, profile_file::credentials, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")),
      config_(file_of(variables, profile_file::config, "AWS_CONFIG_FILE", "~/.aws/config")) {}

KEDGE_DECL profile_keys::file profile_keys::file_of(const config::environment& variables, profile_file kind,
                                                    std::string_view variable, std::string_view usual) {
    const std::string given = value_of(variables, variable), home = value_of(variables, "HOME");
    std::string path(given.empty() ? usual : std::string_view(given));
    if (path.starts_with("~/")) path = home.empty() ? std::string() : home + path.substr(1);
    return {kind, std::move(path), std::string(given.empty() ? usual : variable)};
}

KEDGE_DECL void profile_keys::look(found_handler done) {
    elsewhere(executor_, [this] { return found_by([this] { return read(); }); }, std::move(done));
}

KEDGE_DECL found_keys profile_keys::read() const {
    profile seen[2];
    found_keys keys;
    for (const file* one : {&credentials_, &config_}) {
        if (one->path.empty()) continue;
        const config::detail::file_text text = config::detail::read_file(one->path);
        if (text.is_missing) continue;
        if (text.why_not) return failed(one->name + ": " + text.why_not);
        profile& p = seen[one == &config_];
        p = read_profile(text.text.reveal(), profile_, one->kind);
        if (keys.how == found_keys::outcome::absent) keys = keys_of(p, one->name);
    }
    for (const profile& p : seen)
        if (const std::string_view way = other_way(p, keys.how != found_keys::outcome::absent); !way.empty())
            return failed("the profile " + kedge::detail::quoted(profile_) + " has " + std::string(way) +
                          ", which is not supported; accepted: aws_access_key_id with aws_secret_access_key");
    return keys.how == found_keys::outcome::absent ? nothing(seen[0], seen[1]) : keys;
}

KEDGE_DECL found_keys profile_keys::nothing(const profile& credentials, const profile& config) const {
    std::string reason =
        "no keys of the profile " + kedge::detail::quoted(profile_) + " in " + credentials_.name + " or " + config_.name;
    for (const auto& [p, of] : {std::pair(&credentials, &credentials_), std::pair(&config, &config_)})
        if (p->bad_line > 0)
            reason += "; line " + std::to_string(p->bad_line) + " of " + of->name + " is neither [profile] nor name = value";
    const bool is_there = credentials.is_there || config.is_there;
    return is_chosen_ && !is_there ? failed(std::move(reason)) : absent(std::move(reason));
}

}  // namespace kedge::aws::detail
