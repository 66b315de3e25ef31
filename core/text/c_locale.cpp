#include "core/text/c_locale.hpp"

#include <clocale>

#include <locale.h>  // NOLINT: newlocale is of POSIX

namespace farm::detail {
namespace {

locale_t c_locale() {
  static locale_t const locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return locale;
}

}  // namespace

CLocale::CLocale() noexcept : before_(uselocale(c_locale())) {}

CLocale::~CLocale() { uselocale(static_cast<locale_t>(before_)); }

}  // namespace farm::detail
