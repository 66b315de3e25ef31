#pragma once

// The trees of the Unbalanced Tree Search benchmark (Olivier et al., 2006). A node is a SHA-1 digest, which alone
// decides how many children the node has. A child is the digest of its parent's digest and its own number. The size of
// the tree below a node cannot be computed from the node.
#include <farm/serialize.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

using Digest = std::array<unsigned char, 20>;

struct Node {
  Digest digest{};
  std::uint32_t depth = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(digest, depth);
  }
};

/// A binomial tree: the root has `roots` children. Any other node has `children` children with probability `branching`,
/// otherwise none.
struct Tree {
  std::uint32_t seed = 42;
  std::uint32_t roots = 2000;
  double branching = 0.124875;
  std::uint32_t children = 8;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(seed, roots, branching, children);
  }
};

struct Count {
  std::uint64_t nodes = 0;
  std::uint64_t leaves = 0;
  std::uint32_t depth = 0;

  void operator+=(Count const& other) {
    nodes += other.nodes;
    leaves += other.leaves;
    depth = std::max(depth, other.depth);
  }
  friend bool operator==(Count const&, Count const&) = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(nodes, leaves, depth);
  }
};

class Sha1 {
 public:
  Sha1() { check(EVP_DigestInit_ex(context_.get(), EVP_sha1(), nullptr)); }
  Digest operator()(std::span<unsigned char const> bytes) {
    Digest digest{};
    check(EVP_DigestInit_ex(context_.get(), nullptr,
                            nullptr));  // reuses the context: finding SHA-1 takes longer than hashing
    check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    return digest;
  }

 private:
  static void check(int good) {
    if (good != 1) throw std::runtime_error("SHA-1 failed");
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

/// Writes the number to the last four bytes, big-endian.
inline void append_number(std::span<unsigned char> bytes, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = static_cast<unsigned char>(number >> (24 - 8 * i));
}

inline Node root_of(Tree const& tree) {
  Digest seed{};
  append_number(seed, tree.seed);
  return {Sha1{}(seed), 0};
}

inline Node child_of(Node const& parent, std::uint32_t number, Sha1& sha1) {
  std::array<unsigned char, 24> bytes{};
  std::copy(parent.digest.begin(), parent.digest.end(), bytes.begin());
  append_number(bytes, number);
  return {sha1(bytes), parent.depth + 1};
}

inline std::uint32_t children_of(Tree const& tree, Node const& node) {
  if (node.depth == 0) return tree.roots;
  auto const& d = node.digest;
  std::uint32_t const random = (d[16] & 0x7fU) << 24U | static_cast<std::uint32_t>(d[17]) << 16U |
                               static_cast<std::uint32_t>(d[18]) << 8U | d[19];
  return random / 2147483648.0 < tree.branching ? tree.children : 0;
}

/// Counts at most `limit` nodes, depth first. Afterwards `nodes` holds the nodes from which the search goes on.
inline Count explore(Tree const& tree, std::vector<Node>& nodes, std::uint64_t limit) {
  Sha1 sha1;
  Count count;
  while (!nodes.empty() && count.nodes < limit) {
    Node const node = nodes.back();
    nodes.pop_back();
    auto const children = children_of(tree, node);
    for (std::uint32_t i = 0; i < children; ++i) nodes.push_back(child_of(node, i, sha1));
    count += {1, children == 0 ? 1U : 0U, node.depth};
  }
  return count;
}
