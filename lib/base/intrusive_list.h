// A doubly linked list whose links live in the elements: no allocation, unlink in O(1) without the list at hand.
// Threads: none of its own; a list belongs to one thread.
#pragma once

#include "base/assert.h"

namespace sluice {

// Base of an element.  Derive once per list that an object can be in; Tag tells the bases apart.
template <class Tag>
class ListNode {
 public:
    ListNode() noexcept = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
    ~ListNode() { unlink(); }

    bool linked() const noexcept { return next_ != this; }
    void unlink() noexcept {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = this;
    }

 private:
    template <class, class>
    friend class IntrusiveList;
    ListNode* next_ = this;
    ListNode* previous_ = this;
};

// Borrows its elements; an element that dies leaves the list by itself.
template <class T, class Tag>
class IntrusiveList {
 public:
    IntrusiveList() noexcept = default;
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;
    ~IntrusiveList() { SLUICE_ASSERT(empty()); }

    bool empty() const noexcept { return !head_.linked(); }
    void push_back(T& element) noexcept {
        ListNode<Tag>& node = element;
        SLUICE_ASSERT(!node.linked());
        node.previous_ = head_.previous_;
        node.next_ = &head_;
        head_.previous_->next_ = &node;
        head_.previous_ = &node;
    }
    // Precondition of front and pop_front: not empty.
    T& front() noexcept { return static_cast<T&>(*head_.next_); }
    T& pop_front() noexcept {
        T& element = front();
        static_cast<ListNode<Tag>&>(element).unlink();
        return element;
    }
    // Calls `visit` for each element; `visit` may unlink the element it is given, and no other.
    template <class Visit>
    void for_each(Visit&& visit) {
        for (ListNode<Tag>* node = head_.next_; node != &head_;) {
            ListNode<Tag>* next = node->next_;
            visit(static_cast<T&>(*node));
            node = next;
        }
    }

 private:
    ListNode<Tag> head_;
};

}  // namespace sluice
