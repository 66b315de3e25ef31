#pragma once

#include <farm/array.hpp>
#include <farm/comm.hpp>
#include <farm/detail/array_access.hpp>
#include <farm/detail/transport.hpp>
#include <farm/error.hpp>
#include <farm/future.hpp>
#include <farm/publish.hpp>
#include <farm/slab.hpp>
#include <farm/stage_run.hpp>
#include <farm/view.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// Arrays as arguments and results of tasks: they travel as handles, and the ranks read and write the files.
namespace farm::detail {

/// The files that a task makes on this rank.
class Staging {
 public:
  /// Of an array that the task returns: the master is to know of its file.
  template <class T>
  void note(Array<T> const& array) {
    if (ArrayAccess::info(array).staged && !array.is_inline()) files_.push_back(array.path().string());
  }
  [[nodiscard]] std::vector<std::string> take_files() { return std::exchange(files_, {}); }

 private:
  std::vector<std::string> files_;
};

inline Comm const& comm_of(RankContext const& environment) { return *static_cast<Comm const*>(environment.comm); }
inline Staging& staging_of(RankContext const& environment) { return *static_cast<Staging*>(environment.stage); }

/// This rank's rows: of an Array, or of values that are staged when the task is submitted.
template <class T, class A>
struct TravelsAs<Slab<T const>, A> {
  using type = Array<T>;
};
template <class T>
struct MadeOf<Slab<T const>, Array<T>> {
  static constexpr bool made = true;
  static Slab<T const> make(Array<T> const& array, RankContext& environment) {
    return array.slab(comm_of(environment));
  }
};

/// All of it.
template <class T>
struct TravelsAs<std::vector<T>, Array<T>> {
  using type = Array<T>;
};
template <class T>
struct MadeOf<std::vector<T>, Array<T>> {
  static constexpr bool made = true;
  static std::vector<T> make(Array<T> const& array, RankContext& /*environment*/) { return array.read(); }
};

/// All of it, mapped where that is possible; so that the ranks of a host share the memory.
template <class T, class A>
struct TravelsAs<View<T>, A> {
  using type = Array<T>;
};
template <class T>
struct MadeOf<View<T>, Array<T>> {
  static constexpr bool made = true;
  static View<T> make(Array<T> const& array, RankContext& /*environment*/) { return array.view(); }
};
template <class T>
struct TravelsAs<std::span<T const>, Array<T>> {
  using type = Array<T>;
};
template <class T>
struct MadeOf<std::span<T const>, Array<T>> {
  struct Viewed {
    View<T> view;
    operator std::span<T const>() const { return {view.data(), view.size()}; }  // NOLINT: as a span would be
  };
  static constexpr bool made = true;
  static Viewed make(Array<T> const& array, RankContext& /*environment*/) { return {array.view()}; }
};

/// The slabs of all ranks become an array.
template <class T>
struct ResultTransport<Slab<T>> {
  using Value = Array<std::remove_const_t<T>>;
  static void pack(Slab<T> const& slab, RankContext& environment, Bytes* result) {
    Comm const& comm = comm_of(environment);
    auto const& context = *environment.context;
    StageOptions options;
    options.attributes = {{"task", std::to_string(context.task())}, {"attempt", std::to_string(context.attempt())}};
    auto const array = give(comm, slab, options);  // nobody has it afterwards
    if (comm.rank() == 0) staging_of(environment).note(array);
    if (result != nullptr) pack_into(*result, array);
  }
};

template <class T>
struct ResultTransport<Array<T>> {
  using Value = Array<T>;
  static void pack(Array<T> const& array, RankContext& environment, Bytes* result) {
    if (result == nullptr) return;
    staging_of(environment).note(array);
    pack_into(*result, array);
  }
  static void read(UnpackArchive& in, Array<T>& array) { in(array); }
};

/// From this size on a vector that a task returns lies in the stage, and its bytes are those of an Array. Measured
/// (tests/bench, "arrays"; tasks per second): of 1 MiB 980 with the message and 710 staged and read, of 4 MiB some 240
/// staged and, at a quarter of the former, as many with the message; beyond that staging also keeps the master small.
inline constexpr std::size_t vector_threshold = std::size_t{2} << 20U;

template <Element T>
struct ResultTransport<std::vector<T>> {
  using Value = std::vector<T>;
  static void pack(std::vector<T> const& values, RankContext& environment, Bytes* result) {
    if (result == nullptr) return;
    bool const is_staged = environment.stage != nullptr && values.size() * sizeof(T) >= vector_threshold;
    pack_into(*result, is_staged);
    if (is_staged) {
      ResultTransport<Array<T>>::pack(stage(values, {values.size()}), environment, result);
    } else {
      pack_into(*result, values);
    }
  }
  static void read(UnpackArchive& in, std::vector<T>& values) {
    bool is_staged = false;
    in(is_staged);
    if (!is_staged) return in(values), void();
    Array<T> array;
    in(array);
    values = array.read();
  }
  /// Without reading it, where it is staged; others of fewer bytes than `threshold` are not.
  static Array<T> read_array(std::string_view bytes, std::size_t threshold) {
    UnpackArchive in{bytes};
    bool is_staged = false;
    in(is_staged);
    if (is_staged) return unpack<Array<T>>(in.rest());
    auto const values = unpack<std::vector<T>>(in.rest());
    return stage(values, {values.size()}, {.threshold = threshold});
  }
};

/// Parameters of (decayed) type G that an Array<T> can be given for.
template <class G, class T>
concept TakesArray = std::is_same_v<G, std::vector<T>> || std::is_same_v<G, std::span<T const>> ||
    std::is_same_v<G, View<T>> || std::is_same_v<G, Slab<T const>> || std::is_same_v<G, Array<T>>;

/// The value of a future that is done, as an argument: read only where it is not staged. Throws as result() does.
template <Element T>
[[nodiscard]] Array<T> handed_on(Future<std::vector<T>> const& future) {
  require_value(*future.state());
  if (auto const* const bytes = std::get_if<Bytes>(&future.state()->result()))
    return ResultTransport<std::vector<T>>::read_array(*bytes, vector_threshold);
  auto const values = future.result();
  bool const has_stage = current_stage_run() != nullptr;
  return stage(values, {values.size()}, {.threshold = has_stage ? vector_threshold : std::size_t(-1)});
}

}  // namespace farm::detail

namespace farm {

/// The value of a future as an array: where it is large, and so lies in a file, it is not read. Blocks, and throws, as
/// future.result() does. UsageError where the value was made in this process.
template <Element T>
[[nodiscard]] Array<T> as_array(Future<std::vector<T>> const& future) {
  static_cast<void>(future.exception());
  detail::require_value(*future.state());
  auto const* const bytes = std::get_if<Bytes>(&future.state()->result());
  if (bytes == nullptr) throw UsageError("as_array() is for the results of tasks");
  return detail::ResultTransport<std::vector<T>>::read_array(*bytes, StageOptions{}.threshold);
}

}  // namespace farm
