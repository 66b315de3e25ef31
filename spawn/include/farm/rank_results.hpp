#pragma once

#include <farm/detail/future_value.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace farm {

/// What all ranks of a task have returned, in rank order. That of the only rank where there is but one: it converts.
template <class R>
class RankResults : public std::vector<R> {
 public:
  using std::vector<R>::vector;
  RankResults() = default;
  explicit RankResults(std::vector<R> results) : std::vector<R>(std::move(results)) {}

  /// Throws UsageError where there are several ranks.
  operator R() const& {  // NOLINT: implicit by intention
    check_one();
    return this->front();
  }
  operator R() && {  // NOLINT
    check_one();
    return std::move(this->front());
  }

 private:
  void check_one() const;
};

namespace detail {

void check_one_result(std::size_t results);

template <class R>
struct RankValues<RankResults<R>> {
  static RankResults<R> decode(std::vector<Bytes> const& ranks) {
    return RankResults<R>{RankValues<std::vector<R>>::decode(ranks)};
  }
};

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
