# SPDX-License-Identifier: BSL-1.0
# `find_package(kedge)` for what `cmake --install` put somewhere.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY include/kedge DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS kedge EXPORT kedge-targets)
install(EXPORT kedge-targets NAMESPACE kedge:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kedge)

configure_package_config_file(cmake/kedge-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/kedge-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kedge)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/kedge-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kedge-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/kedge-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kedge)
