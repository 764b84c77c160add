# SPDX-License-Identifier: BSL-1.0
# Used by kedge's own build and, installed beside kedge-config.cmake, by `find_package(kedge COMPONENTS ...)`.

set(KEDGE_COMPONENTS http sqlite postgres)
set(KEDGE_http_PACKAGE OpenSSL 3.0)
set(KEDGE_http_LIBRARIES OpenSSL::SSL OpenSSL::Crypto)
set(KEDGE_sqlite_PACKAGE SQLite3 3.40)
set(KEDGE_sqlite_LIBRARIES SQLite::SQLite3)
set(KEDGE_postgres_PACKAGE PostgreSQL 14)
set(KEDGE_postgres_LIBRARIES PostgreSQL::PostgreSQL)
