#include "spawn/join/handshake.hpp"

#include "tests/support/catch.hpp"

using namespace farm::detail;

TEST_CASE("random bytes do not repeat") { CHECK(random_bytes() != random_bytes()); }

TEST_CASE("a connector's code depends on the key, on both nonces and on the hello") {
  Key const key = random_bytes();
  Nonce const challenge = random_bytes();
  Nonce const response = random_bytes();
  auto const mac = connector_mac(key, challenge, response, "hello");
  CHECK(equal(mac, connector_mac(key, challenge, response, "hello")));
  CHECK_FALSE(equal(mac, connector_mac(random_bytes(), challenge, response, "hello")));
  CHECK_FALSE(equal(mac, connector_mac(key, random_bytes(), response, "hello")));
  CHECK_FALSE(equal(mac, connector_mac(key, challenge, random_bytes(), "hello")));
  CHECK_FALSE(equal(mac, connector_mac(key, challenge, response, "hullo")));
  CHECK_FALSE(equal(mac, connector_mac(key, response, challenge, "hello")));
}

TEST_CASE("a code that one side has sent is not valid as the answer of the other side") {
  Key const key = random_bytes();
  Nonce const a = random_bytes();
  Nonce const b = random_bytes();
  CHECK_FALSE(equal(listener_mac(key, a, b), connector_mac(key, a, b, "")));
  CHECK_FALSE(equal(listener_mac(key, a, b), connector_mac(key, b, a, "")));
  CHECK_FALSE(equal(listener_mac(key, a, b), listener_mac(key, b, a)));
}
