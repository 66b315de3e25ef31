#pragma once

#include <farm/detail/call.hpp>
#include <farm/detail/call_check.hpp>

#include <memory>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace farm {

/// A call that every rank of an executor makes once, before its first task. initializer() returns one; a
/// default-constructed one is empty and stands for no call.
class Initializer {
 public:
  /// Constructs an empty initializer.
  Initializer() = default;
  /// Constructs an initializer from its invoker and the packed call. For the library itself; call initializer()
  /// instead.
  Initializer(CodeAddress code, Bytes call) : code_(code), call_(std::move(call)), set_(true) {}

  /// Does what farm::initializer(f) does, so that a function without arguments can be given as it is. Throws as that
  /// does.
  template <class F>
  requires(!std::is_same_v<F, Initializer>)
      Initializer(F const& f);  // NOLINT(google-explicit-constructor): `.initializer = load`

  /// Returns true unless the initializer is empty.
  [[nodiscard]] explicit operator bool() const { return set_; }
  /// Returns the address of the invoker. For the library itself.
  [[nodiscard]] CodeAddress code() const { return code_; }
  /// Returns the packed call. For the library itself.
  [[nodiscard]] Bytes const& call() const { return call_; }

 private:
  CodeAddress code_{};
  Bytes call_;
  bool set_ = false;
};

/// A parameter of a task's function that refers to the object, a T, that the initializer returned on this rank. The
/// caller gives no argument for it. The object stays on the rank between tasks, and tasks may change it. A task that
/// asks for another type than the initializer returned fails with UsageError.
template <class T>
class Initialized {
 public:
  /// Constructs a reference to `value`, which must outlive it.
  explicit Initialized(T& value) : value_(&value) {}
  /// Returns the object.
  [[nodiscard]] T& operator*() const { return *value_; }
  /// Returns the address of the object.
  [[nodiscard]] T* operator->() const { return value_; }

 private:
  T* value_;
};

namespace detail {

/// Returns the object that the initializer returned. Throws UsageError if its type is not `wanted`, or if there is
/// none.
[[nodiscard]] void* initialized_value(RankContext const& rank_context, std::type_info const& wanted);

template <class T>
struct Binder<Initialized<T>> {
  static constexpr bool bound = true;
  static Initialized<T> bind(RankContext& rank_context) {
    return Initialized<T>{*static_cast<T*>(initialized_value(rank_context, typeid(std::remove_const_t<T>)))};
  }
};

/// The Invoker of an initializer. Keeps the object that the call returns, whose type need not be serializable.
template <class F, class... As>
void initialize(std::string_view payload, RankContext& rank_context, Bytes* /*result*/) {
  *rank_context.initialized = {};
  Call<F, As...>::call(payload, rank_context, [&](auto&& value) {
    using T = std::decay_t<decltype(value)>;
    *rank_context.initialized = {std::make_shared<T>(std::forward<decltype(value)>(value)), &typeid(T)};
  });
}

}  // namespace detail

/// Returns f(args...) as an initializer: `MPIPoolExecutor{{.initializer = initializer(load, "file")}}`. Like the
/// function of a task, f may have a parameter for the communicator of the group. If f throws, the executor is broken:
/// all its tasks fail with BrokenExecutor. Throws what packing the function and its arguments throws.
template <class F, class... Args>
[[nodiscard]] Initializer initializer(F const& f, Args const&... args) {
  return {code_address(reinterpret_cast<void const*>(&detail::initialize<std::decay_t<F>, Args...>)),
          detail::Call<std::decay_t<F>, Args...>::make(f, args...)};
}

template <class F>
requires(!std::is_same_v<F, Initializer>) Initializer::Initializer(F const& f) {
  if constexpr (detail::has_right_number<std::decay_t<F const>, 0>) {
    if constexpr (detail::check_function<std::decay_t<F const>>()) *this = initializer(f);
  } else {
    static_assert(detail::never_true<F>,
                  "an initializer that takes arguments is written .initializer = farm::initializer(f, args...)");
  }
}

}  // namespace farm
