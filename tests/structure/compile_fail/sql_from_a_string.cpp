// SPDX-License-Identifier: BSL-1.0
// expect: sql_text
#include <kedge/sql/text.hpp>

#include <string>

// SQL that was put together at run time must be marked as such, since it may hold what a user typed.
kedge::sql_text query(const std::string& table) {
#ifdef CORRECTED
    return kedge::dynamic_sql("select * from " + table);
#else
    return "select * from " + table;
#endif
}
