// Structured cancellation: a tree of nodes that follows the tree of scopes.  Cancelling a node cancels everything below
// it; whatever is suspended there is told through its hook and completes soon, with Errc::cancelled or with the result
// it already had.  A waiting coroutine is never destroyed: its operation is asked to stop, and then awaited.
// Threads: a tree belongs to one loop.
#pragma once

#include "base/intrusive_list.h"

namespace sluice::coro {

struct CancelHookTag;
struct CancelNodeTag;

// What a suspended awaiter registers to hear of cancellation.
class CancelHook : public ListNode<CancelHookTag> {
 public:
    // Called at most once, already unlinked.  Must not resume coroutines directly: post them to the loop.
    virtual void on_cancel() noexcept = 0;

 protected:
    ~CancelHook() = default;
};

class CancelNode : public ListNode<CancelNodeTag> {
 public:
    // `parent` is borrowed and outlives this node; nullptr makes a root.  A child of a cancelled node starts cancelled.
    explicit CancelNode(CancelNode* parent) noexcept;

    bool cancelled() const noexcept { return cancelled_; }
    // Idempotent.
    void cancel() noexcept;
    // Precondition: not cancelled.  The hook leaves by unlink() or by its destructor.
    void add(CancelHook& hook) noexcept { hooks_.push_back(hook); }

 private:
    bool cancelled_ = false;
    IntrusiveList<CancelNode, CancelNodeTag> children_;
    IntrusiveList<CancelHook, CancelHookTag> hooks_;
};

}  // namespace sluice::coro
