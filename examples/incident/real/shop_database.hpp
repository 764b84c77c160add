// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../customers.hpp"

#include <memory>
#include <string>

namespace incident::real {

/** The database of the shop, with a table of orders, and what a program without kedge does there. The table is made at the
 *  start and gone at the end.
 */
class shop_database {
public:
    /// @param url    of a PostgreSQL database; empty: an SQLite file in a temporary folder
    /// @param table  of orders: `number integer primary key, total text`
    static std::unique_ptr<shop_database> open(const std::string& url, const std::string& table);

    virtual ~shop_database() = default;

    virtual std::string url() const = 0;   ///< for kedge
    virtual std::string name() const = 0;  ///< as people call it, "PostgreSQL 15.18"

    /// Stores an order over the one connection of a program that neither waits for a lock nor connects again.
    virtual bool store_plainly(int number) = 0;

    /// What a migration does: nobody else reads or writes orders. @return false: not yet
    virtual bool lock() = 0;
    virtual void unlock() = 0;

    /// What a restart does to those who are connected. @return false: this database has no connections to lose
    virtual bool drop_connections() = 0;

    /// Orders in the table, not counting those that were stored plainly.
    virtual int stored() = 0;
};

std::unique_ptr<shop_database> open_file(const std::string& table);
std::unique_ptr<shop_database> open_postgres(const std::string& url, const std::string& table);

}  // namespace incident::real
