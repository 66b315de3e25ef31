# Included by the other scripts. Changes to the project's directory and provides what several scripts use.

caller=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

if [ "$(id -u)" -eq 0 ]; then # Open MPI refuses to start as root without these
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# Accepts a repository that another user owns, as on machines that run a checkout as root.
git() { command git -c safe.directory="$root" "$@"; }

say() { echo "==> $*"; }

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Prints the comment at the top of the calling script.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# build PRESET [cmake --build options]
build() {
  local preset=$1
  shift
  say "building $preset in build/$preset"
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset"
  cmake --build --preset "$preset" --parallel "$(nproc)" "$@"
}
