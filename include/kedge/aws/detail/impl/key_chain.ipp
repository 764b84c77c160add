// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_chain.hpp>
#include <kedge/detail/config.hpp>

namespace kedge::aws::detail {

KEDGE_DECL void key_chain::look(found_handler done) {
    const std::size_t known = answered_;
    look_at(known < all_.size() ? known : 0, {}, std::move(done));
}

KEDGE_DECL void key_chain::look_at(std::size_t i, std::string reasons, found_handler done) {
    all_[i]->look([this, i, reasons = std::move(reasons), done = std::move(done)](found_keys what) mutable {
        seen(i, std::move(reasons), std::move(what), std::move(done));
    });
}

KEDGE_DECL void key_chain::seen(std::size_t i, std::string reasons, found_keys what, found_handler done) {
    if (what.how == found_keys::outcome::keys) {
        answered_ = i;
        return done(std::move(what));
    }
    if (!reasons.empty()) reasons += "; ";
    ((reasons += all_[i]->name()) += ": ") += what.reason;
    if (what.how == found_keys::outcome::absent && answered_ == all_.size() && i + 1 < all_.size())
        return look_at(i + 1, std::move(reasons), std::move(done));
    done(failed("no AWS credentials: " + reasons));
}

}  // namespace kedge::aws::detail
