#pragma once

#include "core/base/descriptor.hpp"
#include "spawn/resources/topology.hpp"

#include <cstddef>
#include <vector>

namespace farm::detail {

/// Which cores of one host are taken by ranks that are bound to them.
class CoreBook {
 public:
  /// Says whether the cores are claimed from the other farms on this host.
  enum class Claims { none, of_this_host };

  CoreBook(Cores cores, Claims claims);

  /// Takes cores that nobody has and that `allowed` has processors of: neighbours if possible, from the smallest gap
  /// that has room for them. Returns their numbers; nothing if there are not so many.
  [[nodiscard]] std::vector<std::size_t> take(Processors const& allowed, std::size_t count);
  void give_back(std::vector<std::size_t> const& numbers);
  /// Returns the processors of these cores, as far as they are allowed.
  [[nodiscard]] Processors processors_of(std::vector<std::size_t> const& numbers, Processors const& allowed) const;

 private:
  struct Core {
    Processors processors;
    bool taken = false;
    Descriptor claim{};
  };

  [[nodiscard]] std::vector<std::size_t> find(Processors const& allowed, std::vector<bool> const& foreign,
                                              std::size_t count) const;
  [[nodiscard]] bool claim(Core& core) const;

  std::vector<Core> cores_;
  Claims claims_;
};

}  // namespace farm::detail
