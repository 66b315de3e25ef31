#pragma once

#include <farm/detail/future_value.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace farm {

/// What the ranks of one task of an Executor returned: element i is the result of rank i.
///
/// It is a std::vector<R>, so it can be indexed, iterated and passed on as one. It also converts to R implicitly, for
/// an Executor of one rank: `double x = executor.submit(f).result();`. The conversion throws UsageError unless there is
/// exactly one element. `auto x = ...` keeps the list. The class adds no data to std::vector and has no virtual
/// functions; do not delete it through a pointer to std::vector.
template <class R>
class RankResults : public std::vector<R> {
 public:
  using std::vector<R>::vector;
  /// Constructs an empty list.
  RankResults() = default;
  /// Takes over the results, in rank order.
  explicit RankResults(std::vector<R> results) : std::vector<R>(std::move(results)) {}

  /// Returns a copy of the only result. Throws UsageError if there is not exactly one.
  operator R() const& {  // NOLINT(google-explicit-constructor): implicit on purpose
    check_one();
    return this->front();
  }
  /// Moves the only result out. Throws UsageError if there is not exactly one.
  operator R() && {  // NOLINT(google-explicit-constructor): implicit on purpose
    check_one();
    return std::move(this->front());
  }

 private:
  void check_one() const;
};

namespace detail {

/// Throws UsageError unless `results` is 1.
void check_one_result(std::size_t results);

/// Unpacks what all ranks returned.
template <class R>
struct RankValues<RankResults<R>> {
  static RankResults<R> decode(std::vector<Bytes> const& ranks) {
    return RankResults<R>{RankValues<std::vector<R>>::decode(ranks)};
  }
};

/// The type of the results of all ranks: RankResults<R>, or void if the function returns void.
template <class R>
struct RankResultsOf {
  using type = RankResults<R>;
};
template <>
struct RankResultsOf<void> {
  using type = void;
};

}  // namespace detail

template <class R>
void RankResults<R>::check_one() const {
  detail::check_one_result(this->size());
}

}  // namespace farm
