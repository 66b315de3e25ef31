#pragma once

#include "core/resources/capacity.hpp"
#include "core/resources/request.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace farm::detail {

/// What is too little for a request: a sum of these.
namespace lack {
inline constexpr unsigned nothing = 0;
inline constexpr unsigned ranks = 1;
inline constexpr unsigned cores = 2;
inline constexpr unsigned gpus = 4;
inline constexpr unsigned memory = 8;
inline constexpr unsigned named = 16;
}  // namespace lack

/// What groups have taken together.
class Usage {
 public:
  void add(Request const& request) { add(request, 1); }
  void subtract(Request const& request) { add(request, -1); }
  /// Takes away all that `other` has.
  void subtract(Usage const& other);
  [[nodiscard]] std::int64_t ranks() const { return ranks_; }
  /// Returns true if there is no group.
  [[nodiscard]] bool empty() const { return ranks_ == 0; }

 private:
  friend class Budget;
  void add(Request const& request, std::int64_t sign) {
    ranks_ += sign * request.ranks;
    cores_ += sign * request.ranks * request.cores_per_rank();
    if (!request.is_plain()) add_special(request, sign);
  }
  void add_special(Request const& request, std::int64_t sign);
  void add_named(std::string const& name, std::int64_t amount);
  [[nodiscard]] std::int64_t named(std::string const& name) const;

  std::int64_t ranks_ = 0;
  std::int64_t cores_ = 0;
  std::int64_t own_cores_ = 0;  ///< of these, the cores that ranks with a number of threads have for themselves
  std::int64_t gpus_ = 0;
  std::int64_t memory_ = 0;
  std::vector<NamedAmount> named_;
};

/// Says which requests a capacity has room for.
///
/// A rank that says how many threads it has gets so many cores that nobody else has. Ranks that do not say it count for
/// one core each, and share cores if there are more such ranks than cores, but only among themselves.
class Budget {
 public:
  Budget(std::int64_t most_ranks, Capacity capacity) : most_ranks_(most_ranks), capacity_(std::move(capacity)) {}

  /// Returns what is too little for the request beside what is used; lack::nothing if the request fits.
  [[nodiscard]] unsigned lacks(Request const& request, Usage const& used) const {
    unsigned missing = used.ranks_ + request.ranks > most_ranks_ ? lack::ranks : lack::nothing;
    if (used.own_cores_ != 0 || !request.is_plain()) missing |= lacks_special(request, used);
    return missing;
  }
  [[nodiscard]] bool fits(Request const& request, Usage const& used) const {
    return lacks(request, used) == lack::nothing;
  }
  /// Returns why the request never fits, for people; empty if it can.
  [[nodiscard]] std::string refusal(Request const& request) const;
  [[nodiscard]] Capacity const& capacity() const { return capacity_; }

 private:
  [[nodiscard]] unsigned lacks_special(Request const& request, Usage const& used) const;
  [[nodiscard]] std::int64_t named(std::string const& name) const;

  std::int64_t most_ranks_;
  Capacity capacity_;
};

/// Returns true if a group of this request holds anything of what is missing.
[[nodiscard]] inline bool holds_any(Request const& request, unsigned missing) {
  return (missing & (lack::ranks | lack::cores)) != 0 || ((missing & lack::gpus) != 0 && request.gpus != 0) ||
         ((missing & lack::memory) != 0 && request.memory != 0) ||
         ((missing & lack::named) != 0 && !request.named.empty());
}

}  // namespace farm::detail
