# cmake -DBUG=... -DSOURCES=lib/store -DOUTPUT=file -P plant.cmake: a copy of a source of the store with a bug in it, to
# show that the scenarios find it.  Fails where the code has changed and the bug must be planted anew.
function(read_source name)
    file(READ ${SOURCES}/${name} text)
    set(text "${text}" PARENT_SCOPE)
endfunction()
function(replace_once from to)
    string(FIND "${text}" "${from}" first)
    string(FIND "${text}" "${from}" last REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL last)
        message(FATAL_ERROR "plant ${BUG}: this must be in the source exactly once: ${from}")
    endif()
    string(REPLACE "${from}" "${to}" text "${text}")
    set(text "${text}" PARENT_SCOPE)
endfunction()

if(BUG STREQUAL "early_acknowledgement")
    # `durable` is answered when the group is written.
    read_source(log_writer.cpp)
    replace_once("alone ? io::WriteSync::data : io::WriteSync::none" "io::WriteSync::none")
    replace_once("if (durable && !alone) {" "if (false && !alone) {")
elseif(BUG STREQUAL "torn_tail")
    # A frame is taken for whole without a look at its checksum.
    read_source(segment_format.cpp)
    replace_once("if (header.checksum != checksum64(at.subspan" "if (false && header.checksum != checksum64(at.subspan")
elseif(BUG STREQUAL "no_directory_sync")
    # The name of a new segment is not made durable.
    read_source(log_writer.cpp)
    replace_once("co_return co_await kernel_.sync(directory_, io::SyncKind::all)" "co_return Result<>{}")
elseif(BUG STREQUAL "early_seal")
    # `sealed` tells of parts, and the log is released, before their directory is synced.
    read_source(part_store.cpp)
    replace_once("    Result<> written = co_await write_images(seal.images, parts);" "    Result<> written;")
    replace_once("        written = co_await write_state(next->state);"
        "        written = co_await write_state(next->state);
    }
    if (written) {
        written = co_await write_images(seal.images, parts);")
elseif(BUG STREQUAL "part_names_not_synced")
    # Parts count, and merged ones lose their inputs, before their names are durable.
    read_source(part_store.cpp)
    replace_once("    if (!images.empty()) {\n        SLUICE_CO_CHECK(co_await kernel_.sync" "    if (false) {\n        SLUICE_CO_CHECK(co_await kernel_.sync")
elseif(BUG STREQUAL "orphans_kept")
    # Parts of a seal that did not come to its end count at the next start.
    read_source(part_recovery.cpp)
    replace_once("redo && name.first_sequence >= state.sealed_end" "false && redo && name.first_sequence >= state.sealed_end")
else()
    message(FATAL_ERROR "no such bug: ${BUG}")
endif()
file(WRITE ${OUTPUT} "${text}")
