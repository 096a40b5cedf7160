#include "store/verify.h"

#include "store/aside.h"
#include "store/catalog.h"
#include "store/identity_evidence.h"
#include "store/mapping.h"
#include "store/offline_file.h"
#include "store/part_name.h"
#include "store/verify_parts.h"
#include "wire/batch.h"

namespace sluice::store {
namespace {

class Verifier {
 public:
    explicit Verifier(std::string directory) : directory_(std::move(directory)) {}
    Result<VerifyReport> run();

 private:
    struct Segment {
        std::string name;
        Mapping mapping;
        SegmentHeader header;
    };
    Result<> check_identity();
    Result<> load(const SealState& state);
    void check_seam(std::uint64_t sealed_end);
    void check_segment(const Segment& segment, std::uint64_t limit);
    void check_frame(const Segment& segment, std::uint64_t offset, const FrameView& frame);
    void check_records(const Segment& segment, std::uint64_t offset, const FrameView& frame);
    void problem(const std::string& file, std::uint64_t offset, std::string what) {
        report_.problems.push_back({.file = file, .offset = offset, .what = std::move(what)});
    }

    std::string directory_;
    StoreId store_id_{};
    std::vector<Segment> segments_;
    VerifyReport report_;
    std::uint64_t expected_ = 1;  // The sequence that should come next.
    std::uint64_t bad_from_ = 0;  // Where the gap began that is being crossed; 0: none.
};

Result<> Verifier::check_identity() {
    Result<OfflineIdentity> identity = read_identity(directory_);
    if (!identity && identity.error().code() != Errc::corrupt && identity.error().code() != Errc::unsupported) {
        return std::unexpected(std::move(identity).error());
    }
    if (identity) {
        store_id_ = identity->id;
    }
    if (!identity || identity->why) {
        problem("identity", 0, identity ? identity->why->text() : identity.error().text());
    }
    return {};
}

Result<> Verifier::load(const SealState& state) {
    SLUICE_TRY(const std::vector<std::string> names, list_files(directory_));
    for (const std::string& name : names) {
        const auto part = parse_part_file_name(name_before_aside(name));
        const bool missed = !part || !state.has_removed(*part);  // Else retention would have had it by now.
        if (name.starts_with(kAside) && missed) {
            problem(name, 0, "was set aside by recovery because it could not be read");
        }
        if (!parse_segment_name(name)) {
            continue;
        }
        Result<Mapping> mapping = Mapping::open(directory_ + "/" + name);
        if (!mapping) {
            problem(name, 0, mapping.error().text());
            continue;
        }
        const Result<SegmentHeader> header = parse_segment_header(mapping->bytes());
        if (!header) {
            problem(name, 0, header.error().text());
        } else if (header->store_id != store_id_) {
            problem(name, 0, "belongs to another store");
        } else if (segment_name(header->segment_id) != name) {
            problem(name, 0, fmt::format("its header says {}", segment_name(header->segment_id)));
        } else {
            segments_.push_back({name, std::move(*mapping), *header});
        }
    }
    return {};
}

void Verifier::check_records(const Segment& segment, std::uint64_t offset, const FrameView& frame) {
    ByteView rest = frame.payload;
    std::uint64_t records = 0;
    while (!rest.empty()) {
        const Result<wire::BatchView> batch = wire::parse_batch(rest);
        if (!batch) {
            problem(segment.name, offset, fmt::format("a batch in the frame: {}", batch.error().text()));
            return;
        }
        records += batch->header.count;
    }
    if (records != frame.header.count) {
        problem(segment.name, offset,
                fmt::format("the frame says {} records and holds {}", frame.header.count, records));
    }
}

void Verifier::check_frame(const Segment& segment, std::uint64_t offset, const FrameView& frame) {
    const std::uint64_t first = frame.header.first_sequence;
    if (bad_from_ != 0 || first != expected_) {
        VerifyProblem lost{.file = segment.name,
                           .offset = bad_from_ != 0 ? bad_from_ : offset,
                           .bytes = bad_from_ != 0 ? offset - bad_from_ : 0,
                           .first_sequence = expected_,
                           .end_sequence = first,
                           .what = "no valid frame"};
        if (lost.first_sequence > lost.end_sequence) {
            lost.what = fmt::format("sequence {} where {} was expected", first, expected_);
            lost.first_sequence = lost.end_sequence = 0;
        }
        report_.problems.push_back(std::move(lost));
        bad_from_ = 0;
    }
    expected_ = first + frame.header.count;
    if (frame.header.kind != FrameKind::records) {
        return;
    }
    ++report_.frames;
    report_.records += frame.header.count;
    report_.bytes += frame.bytes();
    check_records(segment, offset, frame);
}

void Verifier::check_segment(const Segment& segment, std::uint64_t limit) {
    const ByteView file = segment.mapping.bytes();
    std::uint64_t offset = kHeaderBlock;
    while (offset + sizeof(FrameHeader) <= file.size()) {
        const auto frame = parse_frame(file.subspan(offset), segment.header, file.size() - offset);
        if (!frame) {
            bad_from_ = bad_from_ == 0 ? offset : bad_from_;
            offset += segment.header.block_bytes;
            continue;
        }
        if (frame->header.first_sequence >= limit) {
            break;
        }
        check_frame(segment, offset, *frame);
        offset += round_up(frame->bytes(), segment.header.block_bytes);
    }
    bad_from_ = 0;
    if (limit != kNoLimit && expected_ < limit) {
        report_.problems.push_back({.file = segment.name,
                                    .offset = offset,
                                    .first_sequence = expected_,
                                    .end_sequence = limit,
                                    .what = "the segment ends before the next one begins"});
        expected_ = limit;
    }
}

// Between the last part and the log.
void Verifier::check_seam(std::uint64_t sealed_end) {
    const std::uint64_t first = segments_.front().header.first_sequence;
    if (sealed_end > 1 && first > sealed_end) {
        report_.problems.push_back({.file = segments_.front().name,
                                    .offset = 0,
                                    .first_sequence = sealed_end,
                                    .end_sequence = first,
                                    .what = "the log begins behind the end of what is sealed"});
    }
}

Result<VerifyReport> Verifier::run() {
    SLUICE_CHECK(check_identity());
    SLUICE_TRY(const SealState state, verify_parts(directory_, store_id_, report_));
    const std::uint64_t sealed_end = state.sealed_end;
    SLUICE_CHECK(load(state));
    report_.segments = segments_.size();
    if (!segments_.empty()) {
        check_seam(sealed_end);
    }
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        if (i == 0) {
            expected_ = segments_[i].header.first_sequence;
            if (report_.parts == 0) {
                report_.oldest_sequence = std::max(sealed_end, expected_);
            }
        }
        const bool last = i + 1 == segments_.size();
        check_segment(segments_[i], last ? kNoLimit : segments_[i + 1].header.first_sequence);
        report_.epoch = segments_[i].header.epoch;
    }
    report_.next_sequence = std::max(expected_, sealed_end);
    return std::move(report_);
}

}  // namespace

Result<VerifyReport> verify_store(const std::string& directory) {
    return Verifier(directory).run();
}

}  // namespace sluice::store
