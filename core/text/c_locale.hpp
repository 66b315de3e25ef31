#pragma once

namespace farm::detail {

/// Sets the C locale for the calling thread during its lifetime, whatever locale the program has. Libraries that call
/// strtod() or localeconv(), such as the JSON library, then take the point as the decimal point.
class CLocale {
 public:
  CLocale() noexcept;
  CLocale(CLocale const&) = delete;
  CLocale& operator=(CLocale const&) = delete;
  ~CLocale();

 private:
  void* before_;
};

}  // namespace farm::detail
