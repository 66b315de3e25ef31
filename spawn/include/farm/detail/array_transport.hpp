#pragma once

#include <farm/array.hpp>
#include <farm/comm.hpp>
#include <farm/detail/array_access.hpp>
#include <farm/detail/rank_context.hpp>
#include <farm/detail/result_transport.hpp>
#include <farm/detail/transport.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/slab.hpp>
#include <farm/stage_options.hpp>
#include <farm/task_context.hpp>
#include <farm/view.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Arrays as arguments and results of tasks. They travel as handles; the ranks read and write the files. The table in
/// core's transport.hpp lists the steps in which these specializations act.
namespace farm::detail {

/// The files that a task makes on its rank for arrays that it returns. The rank reports them to the master, which then
/// owns them.
class TaskFiles {
 public:
  /// Notes the file of an array that the task returns. Ignores arrays that have no file, or whose file is not staged.
  template <class T>
  void note(Array<T> const& array) {
    if (ArrayAccess::info(array).staged && !array.is_inline()) files_.push_back(array.path().string());
  }
  /// Returns the paths of the files noted since the last call.
  [[nodiscard]] std::vector<std::string> take_files() { return std::exchange(files_, {}); }

 private:
  std::vector<std::string> files_;
};

/// A parameter Slab<T const> gets this rank's rows of an array, or of values that submit() stages.
template <class T, class Arg>
struct WireType<Slab<T const>, Arg> {
  using type = Array<T>;
};
template <class T>
struct FromWire<Slab<T const>, Array<T>> {
  static Slab<T const> make(Array<T> const& array, RankContext& rank_context) {
    return array.slab(CommAccess::native(*rank_context.comm));
  }
};

/// A parameter std::vector<T> gets all elements of an array.
template <class T>
struct WireType<std::vector<T>, Array<T>> {
  using type = Array<T>;
};
template <class T>
struct FromWire<std::vector<T>, Array<T>> {
  static std::vector<T> make(Array<T> const& array, RankContext& /*rank_context*/) { return array.read(); }
};

/// A parameter View<T> gets all elements, mapped if possible, so that the ranks of a host share the memory.
template <class T, class Arg>
struct WireType<View<T>, Arg> {
  using type = Array<T>;
};
template <class T>
struct FromWire<View<T>, Array<T>> {
  static View<T> make(Array<T> const& array, RankContext& /*rank_context*/) { return array.view(); }
};

/// A parameter std::span<T const> gets all elements of an array in the same way.
template <class T>
struct WireType<std::span<T const>, Array<T>> {
  using type = Array<T>;
};
template <class T>
struct FromWire<std::span<T const>, Array<T>> {
  /// Owns the view during the call.
  struct ViewAsSpan {
    View<T> view;
    operator std::span<T const>() const { return {view.data(), view.size()}; }  // NOLINT: implicit, as a span is
  };
  static ViewAsSpan make(Array<T> const& array, RankContext& /*rank_context*/) { return {array.view()}; }
};

/// The slabs that the ranks of a group return become one array.
template <class T>
struct ResultTransport<Slab<T>> {
  using Value = Array<std::remove_const_t<T>>;
  static void pack(Slab<T> const& slab, RankContext& rank_context, Bytes* result) {
    Comm const& comm = *rank_context.comm;
    auto const& context = *rank_context.context;
    StageOptions options;
    options.attributes = {{"task", std::to_string(context.task())}, {"attempt", std::to_string(context.attempt())}};
    auto const array =
        give(CommAccess::native(comm), slab, options);  // the memory may be given away, since the task has returned
    if (comm.rank() == 0) rank_context.files->note(array);
    if (result != nullptr) pack_into(*result, array);
  }
};

template <class T>
struct ResultTransport<Array<T>> {
  using Value = Array<T>;
  static void pack(Array<T> const& array, RankContext& rank_context, Bytes* result) {
    if (result == nullptr) return;
    rank_context.files->note(array);
    pack_into(*result, array);
  }
  static void read(UnpackArchive& in, Array<T>& array) { in(array); }
};

/// The size, in bytes, from which a vector that a task returns is staged; its packed value then is that of an Array.
/// Measured (tests/bench, "arrays"; tasks per second): vectors of 1 MiB, 980 in the message and 710 staged and read; of
/// 4 MiB, some 240 either way, a quarter of the former. Above that size, staging also keeps the master small.
inline constexpr std::size_t vector_threshold = std::size_t{2} << 20U;

template <Element T>
struct ResultTransport<std::vector<T>> {
  using Value = std::vector<T>;
  static void pack(std::vector<T> const& values, RankContext& rank_context, Bytes* result) {
    if (result == nullptr) return;
    bool const is_staged = rank_context.files != nullptr && values.size() * sizeof(T) >= vector_threshold;
    pack_into(*result, is_staged);
    if (is_staged) {
      ResultTransport<Array<T>>::pack(stage(values, {values.size()}), rank_context, result);
    } else {
      pack_into(*result, values);
    }
  }
  static void read(UnpackArchive& in, std::vector<T>& values) {
    bool is_staged = false;
    in(is_staged);
    if (!is_staged) {
      in(values);
      return;
    }
    Array<T> array;
    in(array);
    values = array.read();
  }
  /// Returns the value as an array. A staged value is not read; any other is staged here if it has `threshold` bytes or
  /// more.
  static Array<T> read_array(std::string_view bytes, std::size_t threshold) {
    UnpackArchive in{bytes};
    bool is_staged = false;
    in(is_staged);
    if (is_staged) return unpack<Array<T>>(in.rest());
    auto const values = unpack<std::vector<T>>(in.rest());
    return stage(values, {values.size()}, {.threshold = threshold});
  }
};

/// Satisfied by parameters of (decayed) type Param for which an Array<T> can be given.
template <class Param, class T>
concept TakesArray = std::is_same_v<Param, std::vector<T>> || std::is_same_v<Param, std::span<T const>> ||
    std::is_same_v<Param, View<T>> || std::is_same_v<Param, Slab<T const>> || std::is_same_v<Param, Array<T>>;

}  // namespace farm::detail
