// The STATUS reply, and the table of docs/operations.md that describes it.
#include "server/status.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "server_fixture.h"

namespace sluice::server::test {
namespace {

using Json = nlohmann::ordered_json;

class StatusTest : public ServerTest {
 protected:
    Json status() {
        const StatusFacts facts{.version = "1", .started = {}, .now = {}, .io = "simulated", .store_mode = "direct"};
        // One name for both kinds: together they have all members.
        std::vector<listeners::ListenerReport> listeners(2);
        listeners[0].name = listeners[1].name = "NAME";
        listeners[1].protocol = listeners::Protocol::json;
        return Json::parse(status_json(facts, daemon->server(), daemon->pipeline(), listeners));
    }
    // "store.epoch", "sessions[].name"; what has users or classes for keys is one member.
    static void collect(const Json& json, const std::string& prefix, std::set<std::string>& members) {
        for (const auto& [key, value] : json.items()) {
            const std::string name = prefix.empty() ? key : prefix + "." + key;
            if (value.is_array()) {
                ASSERT_FALSE(value.empty()) << name << " must not be empty here";
                collect(value.front(), name + "[]", members);
            } else if (value.is_object() && key != "by_uid" && key != "classes") {
                collect(value, name, members);
            } else {
                members.insert(name);
            }
        }
    }
    // The names in back quotes of the first column.
    static std::set<std::string> documented() {
        std::ifstream file(SLUICE_SOURCE_DIR "/docs/operations.md");
        std::set<std::string> members;
        bool here = false;
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("## ")) {
                here = line.find("sluice status") != std::string::npos;
            }
            if (!here || !line.starts_with("| `")) {
                continue;
            }
            const std::string column = line.substr(0, line.find(" | "));
            const std::regex name("`([^`]+)`");
            for (std::sregex_iterator found(column.begin(), column.end(), name), end; found != end; ++found) {
                EXPECT_TRUE(members.insert((*found)[1]).second) << (*found)[1] << " is documented twice";
            }
        }
        return members;
    }
};

TEST_F(StatusTest, EveryMemberIsDocumentedAndEveryDocumentedMemberIsThere) {
    start();
    greet();
    std::set<std::string> members;
    collect(status(), "", members);
    EXPECT_EQ(members, documented());
}

TEST_F(StatusTest, ShowsTheBusiestConnectionsAndTheirUsersAndNotMore) {
    start();
    for (uid_t uid = 1000; uid < 1040; ++uid) {
        greet(uid);
    }
    RawClient& busy = greet(1039);
    for (std::uint64_t id = 2; id < 5; ++id) {
        log(busy, id, {{"x", "", wire::Severity::info}});
    }
    const Json json = status();
    EXPECT_EQ(json["connections"]["open"], 41);
    EXPECT_EQ(json["connections"]["by_uid"].size(), 32U);
    EXPECT_EQ(json["connections"]["by_uid"]["1039"], 2);
    ASSERT_EQ(json["sessions"].size(), 32U);
    EXPECT_EQ(json["sessions"][0]["uid"], 1039);
    EXPECT_EQ(json["sessions"][0]["requests"], 3);
    EXPECT_EQ(json["sessions"][0]["in_flight"], 0);
}

TEST_F(StatusTest, NameOfAClientIsEscaped) {
    start();
    RawClient& client = connect();
    client.request(1, wire::HelloRequest{.client_name = "bad\x1b[2J\xff\n"});
    ASSERT_TRUE(client.next());
    EXPECT_EQ(status()["sessions"][0]["name"], "bad\\x1b[2J\\xff\\n");
}

}  // namespace
}  // namespace sluice::server::test
