// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_source.hpp>
#include <kedge/aws/detail/profile_text.hpp>
#include <kedge/config/environment.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// Keys of one profile, read anew at each look, on a thread of their own.
class profile_keys final : public key_source {
public:
    /// `AWS_PROFILE`, `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, and `HOME` for where these are otherwise.
    profile_keys(const boost::asio::any_io_executor& ex, const config::environment& variables);

    std::string_view name() const noexcept override { return "profile"; }
    void look(found_handler done) override;

private:
    struct file {
        profile_file kind;
        std::string path, name;  ///< `name`: for reasons, the variable or the usual place
    };

    static file file_of(const config::environment&, profile_file, std::string_view variable, std::string_view usual);
    found_keys read() const;
    found_keys nothing(const profile& credentials, const profile& config) const;

    boost::asio::any_io_executor executor_;
    const std::string profile_;
    const bool is_chosen_;
    const file credentials_, config_;
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/profile_keys.ipp>
#endif
