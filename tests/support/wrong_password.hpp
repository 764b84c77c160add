// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>

#include <string>

namespace kedge_test {

/// A server's categories say of their codes which stay until somebody mends something.
class locked_out_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "test.locked_out"; }
    std::string message(int) const override { return "wrong password"; }
    bool equivalent(int, const boost::system::error_condition& wanted) const noexcept override {
        return wanted == kedge::condition::permanent;
    }
};

inline kedge::error_code wrong_password() {
    static const locked_out_category category;
    return {1, category};
}

}  // namespace kedge_test
