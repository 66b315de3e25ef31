#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace farm::detail {

/// A shared owner of an object that counts its references itself. It is one pointer wide, and any raw pointer to the
/// object may become an owner again. T has const noexcept members add_reference() and drop_reference(); the latter
/// deletes the object with its last reference. As thread-safe as std::shared_ptr: several threads may use distinct
/// pointers to one object.
template <class T>
class IntrusivePtr {
 public:
  using element_type = T;

  IntrusivePtr() noexcept = default;
  IntrusivePtr(std::nullptr_t) noexcept {}
  explicit IntrusivePtr(T* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->add_reference();
  }
  IntrusivePtr(IntrusivePtr const& other) noexcept : IntrusivePtr(other.object_) {}
  IntrusivePtr(IntrusivePtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class Derived>
  requires std::is_convertible_v<Derived*, T*> IntrusivePtr(IntrusivePtr<Derived> const& other)
  noexcept : IntrusivePtr(static_cast<T*>(other.get())) {}
  template <class Derived>
  requires std::is_convertible_v<Derived*, T*> IntrusivePtr(IntrusivePtr<Derived>&& other)
  noexcept : object_(other.detach()) {}
  ~IntrusivePtr() {
    if (object_ != nullptr) object_->drop_reference();
  }

  IntrusivePtr& operator=(IntrusivePtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(IntrusivePtr const& a, IntrusivePtr const& b) noexcept { return a.object_ == b.object_; }

  /// Returns the pointer and gives up ownership, without dropping the reference.
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
[[nodiscard]] IntrusivePtr<T> make_intrusive(Args&&... args) {
  return IntrusivePtr<T>{new T(std::forward<Args>(args)...)};
}

}  // namespace farm::detail
