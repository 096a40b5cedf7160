// Names the streams of a listener's records: its pattern, and what is known of the sender.
#pragma once

#include "listeners/options.h"
#include "listeners/process_table.h"
#include "wire/intake.h"

namespace sluice::listeners {

class SenderNamer final : public wire::StreamNamer {
 public:
    // Borrows `options` until destroyed.
    explicit SenderNamer(const ListenerOptions& options) noexcept : options_(options) {}
    // Of the records from now on; borrowed until the next call.
    void set_sender(const Process& sender) noexcept { sender_ = &sender; }

    std::string_view stream(std::string_view identifier) override {
        const ProcessFacts& facts = sender_->facts;
        return options_.stream.name({.identifier = identifier,
                                     .comm = facts.comm,
                                     .unit = facts.unit,
                                     .container = facts.container,
                                     .uid = sender_->uid_text,
                                     .listener = options_.name},
                                    scratch_);
    }

 private:
    const ListenerOptions& options_;
    const Process* sender_ = nullptr;
    std::string scratch_;
};

}  // namespace sluice::listeners
