// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_source.hpp>
#include <kedge/config/environment.hpp>
#include <kedge/config/impl/placeholder.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace kedge::aws::detail {

/// Empty if it is not set: an empty variable counts as none.
inline std::string value_of(const config::environment& variables, std::string_view name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::string() : at->second;
}

/// The same of what a template has in the place of a key: the configuration does not take it either.
inline std::string key_of(const config::environment& variables, std::string_view name) {
    std::string key = value_of(variables, name);
    return config::detail::is_placeholder(key) ? std::string() : key;
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if there is one, `AWS_SESSION_TOKEN`.
inline found_keys keys_in(const config::environment& variables) {
    std::string id = key_of(variables, "AWS_ACCESS_KEY_ID");
    secret<std::string> key(key_of(variables, "AWS_SECRET_ACCESS_KEY"));
    if (id.empty() && key.reveal().empty()) return absent("AWS_ACCESS_KEY_ID is not set");
    if (id.empty()) return failed("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not");
    if (key.reveal().empty()) return failed("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    return found_by([&] { return found({std::move(id), std::move(key), key_of(variables, "AWS_SESSION_TOKEN")}); });
}

/// The environment of one moment: nothing in it changes any more.
class environment_keys final : public key_source {
public:
    explicit environment_keys(const config::environment& variables) : known_(keys_in(variables)) {}

    std::string_view name() const noexcept override { return "environment"; }
    void look(found_handler done) override { done(known_); }

private:
    const found_keys known_;
};

}  // namespace kedge::aws::detail
