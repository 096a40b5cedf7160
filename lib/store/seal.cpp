#include "store/seal.h"

#include <map>

#include "part/merge.h"

namespace sluice::store {
namespace {

// The builders of all classes, and which one a stream goes to.
class Sorter {
 public:
    Sorter(const RetentionOptions& classes, const part::BuildOptions& options) : classes_(classes), options_(options) {}

    void add(const part::Row& row) {
        const std::string_view stream = row.entry.record.stream_or_default();
        if (last_ == nullptr || stream != last_stream_) {  // Streams come in runs.
            last_stream_ = stream;
            last_ = &of_class(classes_.class_of(stream));
        }
        last_->first = std::min(last_->first, row.entry.sequence);
        last_->end = row.entry.sequence + 1;
        last_->builder.add(row);
    }

    Result<std::vector<PartImage>> finish() {
        std::vector<PartImage> images;
        for (auto& [name, one] : of_class_) {
            SLUICE_TRY(Bytes bytes, one.builder.finish());
            images.push_back({.name = {name, one.first, one.end}, .bytes = std::move(bytes)});
        }
        return images;
    }

 private:
    struct OfClass {
        part::Builder builder;
        std::uint64_t first = kNoLimit;
        std::uint64_t end = 0;
    };
    OfClass& of_class(std::string_view name) {
        const auto found = of_class_.find(name);
        return found != of_class_.end()
                   ? found->second
                   : of_class_.emplace(std::string(name), OfClass{part::Builder(options_)}).first->second;
    }

    const RetentionOptions& classes_;
    const part::BuildOptions& options_;
    std::map<std::string, OfClass, std::less<>> of_class_;
    std::string last_stream_;
    OfClass* last_ = nullptr;
};

void add_group(const SealGroup& group, Sorter& into) {
    std::uint64_t sequence = group.first_sequence;
    for_each_batch(group.payload, [&](const wire::BatchHeader& header, ByteView batch) {
        const ByteView body = batch.subspan(sizeof header);
        const wire::FieldRange trusted(body.first(header.trusted_size), header.trusted_count);
        for (const wire::RecordView record : wire::RecordRange(body.subspan(header.trusted_size), header.count)) {
            into.add(
                {.entry = {sequence, header.receive_time_ns, header.flags, trusted, record}, .epoch = group.epoch});
            ++sequence;
        }
    });
}

}  // namespace

Result<std::vector<PartImage>> build_parts(std::vector<SealGroup> groups, const RetentionOptions& classes,
                                           const part::BuildOptions& options) {
    Sorter sorter(classes, options);
    for (SealGroup& group : groups) {
        add_group(group, sorter);
        group = {};
    }
    return sorter.finish();
}

Result<PartImage> merge_parts(const std::vector<PartPointer>& parts, const part::BuildOptions& options) {
    std::vector<std::shared_ptr<const part::Part>> opened;
    for (const PartPointer& part : parts) {
        opened.push_back(part->part);
    }
    SLUICE_TRY(Bytes bytes, part::merge(opened, options));
    return PartImage{
        .name = {parts.front()->name.class_name, parts.front()->name.first_sequence, parts.back()->name.end_sequence},
        .bytes = std::move(bytes)};
}

}  // namespace sluice::store
