// SPDX-License-Identifier: BSL-1.0

#include "shop_database.hpp"

namespace incident::real {

std::unique_ptr<shop_database> shop_database::open(const std::string& url, const std::string& table) {
    return url.empty() ? open_file(table) : open_postgres(url, table);
}

}  // namespace incident::real
