# Run by `cmake --install`: what depends on where it installs to.  Needs SOURCE_DIR, BINARY_DIR and SBINDIR; file(INSTALL)
# puts $DESTDIR in front by itself.
if(IS_ABSOLUTE "${SBINDIR}")
    set(SLUICED "${SBINDIR}/sluiced")
else()
    set(SLUICED "${CMAKE_INSTALL_PREFIX}/${SBINDIR}/sluiced")
endif()
configure_file(${SOURCE_DIR}/systemd/sluiced.service.in ${BINARY_DIR}/sluiced.service @ONLY)
file(INSTALL ${BINARY_DIR}/sluiced.service DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)

# A configuration that is there was edited, or may have been.
if(EXISTS "$ENV{DESTDIR}/etc/sluice/sluiced.yaml")
    message(STATUS "Kept: $ENV{DESTDIR}/etc/sluice/sluiced.yaml")
else()
    file(INSTALL ${SOURCE_DIR}/etc/sluiced.yaml DESTINATION /etc/sluice)
endif()
