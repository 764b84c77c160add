// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/static_credentials.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/post_to.hpp>

namespace kedge::aws {

KEDGE_DECL void static_credentials::get(credentials_handler done) {
    kedge::detail::post_to(executor_, [done = std::move(done), keys = keys_]() mutable { done({std::move(keys), {}}); });
}

KEDGE_DECL void static_credentials::refresh(credentials_handler done) {
    kedge::detail::post_to(executor_, [done = std::move(done)]() mutable {
        done({nullptr, "the keys are fixed, so there are no newer ones"});
    });
}

}  // namespace kedge::aws
