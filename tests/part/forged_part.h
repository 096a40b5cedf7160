// A part taken apart, to be changed and put together again: every checksum holds, and the content is what no writer
// makes.
#pragma once

#include "part/layout.h"
#include "part/part_fixture.h"

namespace sluice::part {

struct ForgedPart {
    Layout layout;
    std::vector<Bytes> streams;  // As they are before compression.

    explicit ForgedPart(const Bytes& image);
    // Another codec, entries, or spans than the streams have is the caller's wish.
    Bytes image() const;
    // What opening it says; empty: nothing.
    std::string opened() const;
};

// The footer of a part as it is before compression, and a part with another one.
Bytes raw_footer_of(const Bytes& image);
Bytes with_raw_footer(const Bytes& image, ByteView raw);
// What opening it says; empty: nothing.
std::string said_by_open(Bytes image);

}  // namespace sluice::part
