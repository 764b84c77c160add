// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/elsewhere.hpp>
#include <kedge/aws/detail/key_server.hpp>
#include <kedge/aws/detail/key_source.hpp>
#include <kedge/config/environment.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// Keys for which a server is asked, by who shows it a token. What the server, the request and the answer are, a source says.
class requested_keys : public key_source {
public:
    void look(found_handler done) final;

protected:
    /// @param token_file  the variable that names the token's file, which is read anew at each look
    requested_keys(const boost::asio::any_io_executor& ex, const config::environment& variables, std::string_view token_file);

    bool has_token_file() const noexcept { return !token_file_.empty(); }

    found_keys unusable_{};  ///< without a server: why
    std::unique_ptr<key_server> server_{};
    secret<std::string> token_{};  ///< without a file

private:
    virtual http::request request_with(const std::string& token) const = 0;
    virtual found_keys keys_from(http::response answer) const = 0;
    /// As it stands in the reason when nothing answers: "no answer from STS".
    virtual std::string_view silence() const noexcept = 0;

    void ask(const identity_token& token, found_handler done);

    const boost::asio::any_io_executor executor_;
    const std::string token_variable_, token_file_;
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/requested_keys.ipp>
#endif
