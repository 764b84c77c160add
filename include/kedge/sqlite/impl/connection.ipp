// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sqlite/connection.hpp>
#include <kedge/sqlite/impl/handles.ipp>

#include <atomic>
#include <memory>
#include <string>

namespace kedge::sqlite {

KEDGE_DECL connector::connector(std::string_view url) : where_(parse_url(url)) {
    if (!where_.in_memory) return;
    static std::atomic<unsigned> made{0};
    where_.path = "/kedge-" + std::to_string(made.fetch_add(1));
    keeps_memory_ = std::make_shared<detail::handles>();
    if (const detail::outcome opened = keeps_memory_->open(where_, nullptr, nullptr); opened.ec)
        throw boost::system::system_error(opened.ec, "kedge: sqlite::memory:");
}

}  // namespace kedge::sqlite
