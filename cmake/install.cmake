# SPDX-License-Identifier: BSL-1.0
# The components, and `find_package(kedge COMPONENTS ...)` for what `cmake --install` put somewhere.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

foreach(component IN LISTS KEDGE_COMPONENTS)
  find_package(${KEDGE_${component}_PACKAGE} QUIET)
  add_library(kedge_${component} INTERFACE)
  add_library(kedge::${component} ALIAS kedge_${component})
  set_target_properties(kedge_${component} PROPERTIES EXPORT_NAME ${component})
  target_link_libraries(kedge_${component} INTERFACE kedge ${KEDGE_${component}_LIBRARIES})
endforeach()

install(DIRECTORY include/kedge DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS kedge EXPORT kedge-targets)
foreach(component IN LISTS KEDGE_COMPONENTS)
  install(TARGETS kedge_${component} EXPORT kedge-targets)
endforeach()
install(EXPORT kedge-targets NAMESPACE kedge:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kedge)

configure_package_config_file(cmake/kedge-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/kedge-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kedge)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/kedge-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/kedge-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/kedge-config-version.cmake
              cmake/components.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kedge)
