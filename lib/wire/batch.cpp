#include "wire/batch.h"

#include "base/assert.h"
#include "wire/record_check.h"

namespace sluice::wire {
namespace {

bool is_set(const ProducerId& producer) noexcept {
    return producer != ProducerId{};
}

// Copies records from a client's batch to the log's layout.  Records that need no rewriting are copied in runs, short
// enough that their bytes are still in the cache after validation.
class RecordCopier {
 public:
    RecordCopier(const std::byte* from, std::byte* to, WallNs receive_time_ns) noexcept
        : run_(from), next_(from), to_(to), receive_time_ns_(receive_time_ns) {}

    // The valid record at next().
    void take(const RecordCheck& record) noexcept {
        if (record.reserved != 0) [[unlikely]] {
            flush();
            rewrite(record);
            return;
        }
        if (load_int<std::int64_t>(next_ + 8) == 0) {
            untimed_[untimed_count_++] = static_cast<std::uint32_t>(next_ - run_);
        }
        next_ += record.size;
        if (untimed_count_ == untimed_.size() || next_ - run_ >= kRunBytes) {
            flush();
        }
    }

    void flush() noexcept {
        const auto bytes = static_cast<std::size_t>(next_ - run_);
        std::memcpy(to_, run_, bytes);
        for (std::size_t i = 0; i < untimed_count_; ++i) {
            store_int(to_ + untimed_[i] + 8, receive_time_ns_);
        }
        untimed_count_ = 0;
        to_ += bytes;
        run_ = next_;
    }

    const std::byte* next() const noexcept { return next_; }
    std::byte* end() const noexcept { return to_; }
    std::uint32_t dropped() const noexcept { return dropped_; }

 private:
    void rewrite(const RecordCheck& record) noexcept {
        const RecordView view = RecordView::unchecked(next_);
        const FieldRange fields = view.fields();
        const std::size_t head = record.size - fields.bytes().size();
        std::byte* const start = to_;
        std::memcpy(to_, next_, head);
        to_ += head;
        const std::byte* at = next_ + head;
        for (const FieldView field : fields) {
            const std::size_t bytes = kFieldHeaderSize + field.name.size() + field.value.size();
            if (field.name.front() != '_') {
                std::memcpy(to_, at, bytes);
                to_ += bytes;
            }
            at += bytes;
        }
        store_int(start, static_cast<std::uint32_t>(to_ - start));
        store_int(start + 6, static_cast<std::uint16_t>(fields.size() - record.reserved));
        if (view.time_ns() == 0) {
            store_int(start + 8, receive_time_ns_);
        }
        dropped_ += record.reserved;
        next_ += record.size;
        run_ = next_;
    }

    static constexpr std::ptrdiff_t kRunBytes = 16 << 10;

    const std::byte* run_;   // First record that is not copied yet.
    const std::byte* next_;  // First record that is not validated yet.
    std::byte* to_;
    WallNs receive_time_ns_;
    std::uint32_t dropped_ = 0;
    std::size_t untimed_count_ = 0;
    std::array<std::uint32_t, 256> untimed_;  // Offsets from run_ of records without a time.
};

// What a client's header must look like.
Result<BatchHeader> parse_client_header(ByteView batch, const ImportContext& context) {
    SLUICE_TRY(const BatchHeader header, parse_batch_header(batch));
    if (header.size != batch.size()) {
        return fail(Errc::malformed, "batch: size {} in {} bytes", header.size, batch.size());
    }
    if (header.receive_time_ns != 0 || header.trusted_size != 0 || header.trusted_count != 0 || header.flags != 0) {
        return fail(Errc::malformed, "batch: receive time, trusted fields and flags are the daemon's; send zeros");
    }
    if (header.count == 0) {
        return fail(Errc::invalid_argument, "batch: no record");
    }
    if (header.count > context.records_max) {
        return fail(Errc::too_large, "batch: {} records exceed the limit {}", header.count, context.records_max);
    }
    if (is_set(header.producer) != (header.number != 0)) {
        return fail(Errc::invalid_argument, "batch: a producer id and a batch number go together");
    }
    return header;
}

}  // namespace

Result<BatchHeader> parse_batch_header(ByteView at) {
    if (at.size() < sizeof(BatchHeader)) {
        return fail(Errc::malformed, "batch: {} bytes are less than a header", at.size());
    }
    BatchHeader header;
    std::memcpy(&header, at.data(), sizeof header);
    if (header.size < sizeof header || header.size > at.size()) {
        return fail(Errc::malformed, "batch: size {} in {} bytes", header.size, at.size());
    }
    const std::size_t contents = header.size - sizeof header;
    if (header.trusted_size > contents || header.count > (contents - header.trusted_size) / kRecordHeaderSize) {
        return fail(Errc::malformed, "batch: {} bytes cannot hold {} records and {} bytes of trusted fields",
                    header.size, header.count, header.trusted_size);
    }
    return header;
}

Result<BatchView> parse_batch(ByteView& cursor, const RecordLimits& limits) {
    SLUICE_TRY(const BatchHeader header, parse_batch_header(cursor));
    const ByteView contents = cursor.first(header.size).subspan(sizeof header);
    auto trusted = parse_fields(contents.first(header.trusted_size), header.trusted_count);
    if (!trusted) {
        return std::unexpected(std::move(trusted).error().during("batch: trusted fields"));
    }
    const ByteView records = contents.subspan(header.trusted_size);
    const std::byte* at = records.data();
    const std::byte* const end = at + records.size();
    for (std::uint32_t i = 0; i < header.count; ++i) {
        const RecordCheck check = check_record(at, end, limits);
        if (check.fault != RecordFault::none) [[unlikely]] {
            return std::unexpected(record_error(check.fault).during("batch: record {}", i));
        }
        at += check.size;
    }
    if (at != end) {
        return fail(Errc::malformed, "batch: {} bytes after the last record", end - at);
    }
    cursor = cursor.subspan(header.size);
    return BatchView{header, *trusted, RecordRange(records, header.count)};
}

Result<BatchSummary> import_batch(ByteView client_batch, const ImportContext& context, std::span<std::byte> into) {
    SLUICE_TRY(BatchHeader header, parse_client_header(client_batch, context));
    SLUICE_ASSERT(into.size() >= import_bytes_max(client_batch.size(), context.trusted.size()), "room for {} bytes",
                  into.size());
    const std::byte* const end = client_batch.data() + client_batch.size();
    std::byte* const records = into.data() + sizeof header + context.trusted.size();
    RecordCopier copier(client_batch.data() + sizeof header, records, context.receive_time_ns);
    for (std::uint32_t i = 0; i < header.count; ++i) {
        const RecordCheck check = check_record(copier.next(), end, context.limits);
        if (check.fault != RecordFault::none) [[unlikely]] {
            return std::unexpected(record_error(check.fault).during("batch: record {}", i));
        }
        copier.take(check);
    }
    if (copier.next() != end) {
        return fail(Errc::malformed, "batch: {} bytes after the last record", end - copier.next());
    }
    copier.flush();

    const auto bytes = static_cast<std::size_t>(copier.end() - into.data());
    SLUICE_ASSERT(bytes <= UINT32_MAX, "a batch of {} bytes", bytes);
    header.size = static_cast<std::uint32_t>(bytes);
    header.receive_time_ns = context.receive_time_ns;
    header.trusted_size = static_cast<std::uint32_t>(context.trusted.size());
    header.trusted_count = context.trusted_count;
    std::memcpy(into.data(), &header, sizeof header);
    if (!context.trusted.empty()) {
        std::memcpy(into.data() + sizeof header, context.trusted.data(), context.trusted.size());
    }
    return BatchSummary{bytes, header.count, copier.dropped(), header.producer, header.number};
}

BatchBuilder::BatchBuilder(RecordLimits limits) : bytes_(sizeof(BatchHeader)), record_(bytes_, limits) {}

void BatchBuilder::set_trusted(const FieldBlock& trusted) {
    SLUICE_ASSERT(bytes_.size() == sizeof(BatchHeader), "trusted fields come first and once");
    sluice::append(bytes_, trusted.bytes());
    trusted_size_ = static_cast<std::uint32_t>(trusted.bytes().size());
    trusted_count_ = trusted.count();
}

RecordBuilder& BatchBuilder::begin(Severity severity, std::string_view stream, WallNs time_ns) {
    return record_.begin(severity, stream, time_ns);
}

Result<void> BatchBuilder::finish_record() {
    SLUICE_CHECK(record_.finish());
    ++count_;
    return {};
}

void BatchBuilder::add_encoded(ByteView records, std::uint32_t count) {
    sluice::append(bytes_, records);
    count_ += count;
}

ByteView BatchBuilder::finish(const BatchStamp& stamp) {
    SLUICE_ASSERT(bytes_.size() <= UINT32_MAX, "a batch of {} bytes", bytes_.size());
    BatchHeader header;
    header.size = static_cast<std::uint32_t>(bytes_.size());
    header.count = count_;
    header.receive_time_ns = stamp.receive_time_ns;
    header.producer = stamp.producer;
    header.number = stamp.number;
    header.trusted_size = trusted_size_;
    header.trusted_count = trusted_count_;
    header.flags = stamp.flags;
    std::memcpy(bytes_.data(), &header, sizeof header);
    return bytes_;
}

void BatchBuilder::clear() {
    bytes_.resize(sizeof(BatchHeader));
    count_ = 0;
    trusted_size_ = 0;
    trusted_count_ = 0;
}

}  // namespace sluice::wire
