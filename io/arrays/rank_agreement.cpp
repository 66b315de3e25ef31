#include "io/arrays/rank_agreement.hpp"

#include "core/text/exception_text.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>
#include <exception>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <utility>

namespace farm::detail {
namespace {

void check(int code, std::string_view function) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw StageError(fmt::format("{}: {}", function, text.data()));
}

}  // namespace

RankAgreement::RankAgreement(MPI_Comm comm) : comm_(comm) {
  check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

std::vector<int> RankAgreement::in_world() const {
  MPI_Group world = MPI_GROUP_NULL;
  MPI_Group own = MPI_GROUP_NULL;
  check(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
  check(MPI_Comm_group(comm_, &own), "MPI_Comm_group");
  std::vector<int> ranks(static_cast<std::size_t>(size_));
  std::iota(ranks.begin(), ranks.end(), 0);
  std::vector<int> found(ranks.size());
  check(MPI_Group_translate_ranks(own, size_, ranks.data(), world, found.data()), "MPI_Group_translate_ranks");
  MPI_Group_free(&own);
  MPI_Group_free(&world);
  return found;
}

namespace {

/// The result of a function, or the text of the exception that it threw.
struct Outcome {
  std::string text{};
  bool failed = false;
};

template <class F>
Outcome outcome_of(F const& f) {
  try {
    return {f(), false};
  } catch (std::exception const& e) {
    return {text_of(e), true};
  }
}

}  // namespace

void RankAgreement::fail(int first, std::string error) const {
  auto size = static_cast<int>(error.size());
  check(MPI_Bcast(&size, 1, MPI_INT, first, comm_), "MPI_Bcast");
  error.resize(static_cast<std::size_t>(size));
  check(MPI_Bcast(error.data(), size, MPI_CHAR, first, comm_), "MPI_Bcast");
  throw StageError(size_ == 1 ? error : fmt::format("{} (rank {} of {})", error, first, size_));
}

void RankAgreement::on_all(std::function<void()> const& f) const {
  auto outcome = outcome_of([&] { return f(), std::string{}; });
  int const failed = outcome.failed ? rank_ : INT_MAX;
  int first = INT_MAX;  // the first rank that failed
  check(MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, comm_), "MPI_Allreduce");
  if (first != INT_MAX) fail(first, std::move(outcome.text));
}

void RankAgreement::on_root(std::function<void()> const& f) const {
  static_cast<void>(from_root([&] { return f(), std::string{}; }));
}

std::string RankAgreement::from_root(std::function<std::string()> const& f) const {
  struct Head {
    std::uint32_t size = 0;
    std::uint32_t failed = 0;
    std::array<char, 504> begin{};  // most results fit, so that one message is enough
  } head;
  static_assert(std::is_trivially_copyable_v<Head>);
  auto outcome = rank_ == 0 ? outcome_of(f) : Outcome{};
  if (rank_ == 0) {
    head.size = static_cast<std::uint32_t>(outcome.text.size());
    head.failed = outcome.failed ? 1 : 0;
    std::copy_n(outcome.text.begin(), std::min(outcome.text.size(), head.begin.size()), head.begin.begin());
  }
  check(MPI_Bcast(&head, sizeof head, MPI_BYTE, 0, comm_), "MPI_Bcast");
  if (head.failed != 0) fail(0, std::move(outcome.text));
  outcome.text.resize(head.size);
  if (head.size <= head.begin.size())
    std::copy_n(head.begin.begin(), head.size, outcome.text.begin());
  else
    check(MPI_Bcast(outcome.text.data(), static_cast<int>(head.size), MPI_BYTE, 0, comm_), "MPI_Bcast");
  return std::move(outcome.text);
}

std::string RankAgreement::from_all(std::function<std::string()> const& f) const {
  auto outcome = outcome_of(f);
  int const own = outcome.failed ? -1 : static_cast<int>(outcome.text.size());
  std::vector<int> counts(static_cast<std::size_t>(size_));
  check(MPI_Allgather(&own, 1, MPI_INT, counts.data(), 1, MPI_INT, comm_), "MPI_Allgather");
  if (auto const failed = std::find(counts.begin(), counts.end(), -1); failed != counts.end())
    fail(static_cast<int>(failed - counts.begin()), std::move(outcome.text));
  std::vector<int> offsets(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), offsets.begin(), 0);
  std::string all(static_cast<std::size_t>(offsets.back()) + static_cast<std::size_t>(counts.back()), '\0');
  check(MPI_Allgatherv(outcome.text.data(), own, MPI_BYTE, all.data(), counts.data(), offsets.data(), MPI_BYTE, comm_),
        "MPI_Allgatherv");
  return all;
}

std::vector<std::uint64_t> RankAgreement::all_gather(std::vector<std::uint64_t> const& values) const {
  std::vector<std::uint64_t> all(values.size() * static_cast<std::size_t>(size_));
  auto const count = static_cast<int>(values.size());
  check(MPI_Allgather(values.data(), count, MPI_UINT64_T, all.data(), count, MPI_UINT64_T, comm_), "MPI_Allgather");
  return all;
}

std::uint64_t RankAgreement::maximum(std::uint64_t value) const {
  std::uint64_t most = 0;
  check(MPI_Allreduce(&value, &most, 1, MPI_UINT64_T, MPI_MAX, comm_), "MPI_Allreduce");
  return most;
}

}  // namespace farm::detail
