// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/sql/params.hpp>
#include <kedge/sql/rows_builder.hpp>

#include <string>
#include <vector>

#include <libpq-fe.h>

namespace kedge::postgres::detail {

/** The values of a statement as libpq takes them: text without a type, which the statement's own context gives, except for
 *  bytes, which go as they are. Used again and again, for its memory.
 */
class bound_values {
public:
    /// Points into `values`, which have to stay until @ref clear.
    void bind(const params& values);
    void clear() noexcept;

    int count() const noexcept { return static_cast<int>(pointers_.size()); }
    const char* const* pointers() const noexcept { return pointers_.data(); }
    const int* lengths() const noexcept { return lengths_.data(); }
    const int* formats() const noexcept { return formats_.data(); }

private:
    std::vector<std::string> texts_;
    std::vector<const char*> pointers_;
    std::vector<int> lengths_, formats_;
};

/// The names of a result's columns: `last`, if they are the same.
kedge::detail::column_names names_of(const PGresult*, const kedge::detail::column_names& last);

/// Appends all rows of `from`, by the types that the server names: integers, floating point, bool, bytea, timestamptz, uuid,
/// arrays of integers and of text; everything else as the text that the server writes.
void append_rows(const PGresult* from, rows_builder& to);

}  // namespace kedge::postgres::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/postgres/impl/values.ipp>
#endif
