#pragma once

#include <memory>
#include <string>
#include <vector>

struct hwloc_topology;

namespace farm::detail {

/// Logical processors, by the numbers that the kernel gives them, in ascending order.
using Processors = std::vector<int>;
/// Cores, each with its logical processors.
using Cores = std::vector<Processors>;

/// The cores of a machine, as hwloc finds them.
class Topology {
 public:
  /// Returns that of this machine, which is looked up once. Thread-safe.
  [[nodiscard]] static Topology const& of_this_machine();
  /// Makes one up, for tests. `description` is hwloc's: "pack:2 core:4 pu:2". Throws std::invalid_argument.
  [[nodiscard]] static Topology made_up(std::string const& description);

  /// Returns the cores that have any of these processors, each with those of its processors only, neighbours beside
  /// each other. A processor that hwloc does not know counts as a core.
  [[nodiscard]] Cores cores_within(Processors const& allowed) const;
  /// Returns all processors.
  [[nodiscard]] Processors all() const;
  /// Returns the memory of the machine in bytes; 0 if hwloc does not know.
  [[nodiscard]] std::int64_t memory() const;

 private:
  explicit Topology(char const* description);

  std::shared_ptr<hwloc_topology> topology_;
};

/// Returns "0,8;1,9": the processors of each core. read_cores() reads it.
[[nodiscard]] std::string to_text(Cores const& cores);
/// Returns the cores that such a text lists; what is no number is left out.
[[nodiscard]] Cores read_cores(std::string const& text);

}  // namespace farm::detail
