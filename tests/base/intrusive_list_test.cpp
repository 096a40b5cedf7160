#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>

namespace sluice {
namespace {

struct OneTag;
struct TwoTag;
struct Item : ListNode<OneTag>, ListNode<TwoTag> {
    explicit Item(char c) : letter(c) {}
    char letter;
};
using One = IntrusiveList<Item, OneTag>;
using Two = IntrusiveList<Item, TwoTag>;

template <class List>
std::string text_of(List& list) {
    std::string text;
    list.for_each([&](Item& item) { text += item.letter; });
    return text;
}

TEST(IntrusiveList, KeepsTheOrderAndAnItemMayBeInTwoLists) {
    std::deque<Item> items;
    One one;
    Two two;
    for (const char c : std::string("abc")) {
        one.push_back(items.emplace_back(c));
    }
    two.push_back(items[2]);
    two.push_back(items[0]);
    EXPECT_EQ(text_of(one), "abc");
    EXPECT_EQ(text_of(two), "ca");
    EXPECT_EQ(one.pop_front().letter, 'a');
    EXPECT_EQ(text_of(two), "ca");
    items.clear();
    EXPECT_TRUE(one.empty());
    EXPECT_TRUE(two.empty());
}

TEST(IntrusiveList, UnlinkTakesFromTheMiddleAndTwiceIsHarmless) {
    One list;  // Dies last: a list must be empty then, and elements leave by themselves.
    Item a('a');
    Item b('b');
    Item c('c');
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    static_cast<ListNode<OneTag>&>(b).unlink();
    static_cast<ListNode<OneTag>&>(b).unlink();
    EXPECT_EQ(text_of(list), "ac");
    list.push_back(b);
    EXPECT_EQ(text_of(list), "acb");
}

TEST(IntrusiveList, VisitedElementMayUnlinkItself) {
    One list;
    std::deque<Item> items;
    for (const char c : std::string("abcd")) {
        list.push_back(items.emplace_back(c));
    }
    list.for_each([](Item& item) {
        if (item.letter % 2 == 0) {
            static_cast<ListNode<OneTag>&>(item).unlink();
        }
    });
    EXPECT_EQ(text_of(list), "ac");
}

TEST(IntrusiveListDeathTest, ElementInTheListTwiceOrListThatDiesFullAborts) {
    One list;
    Item a('a');
    list.push_back(a);
    EXPECT_DEATH(list.push_back(a), "assertion failed: !node.linked");
    EXPECT_DEATH(
        {
            Item b('b');
            std::optional<One> dying(std::in_place);
            dying->push_back(b);
            dying.reset();
        },
        "assertion failed: empty");
}

}  // namespace
}  // namespace sluice
