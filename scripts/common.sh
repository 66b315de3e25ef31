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

# quietly LOG COMMAND...: runs the command with its output in the file LOG, which is shown only if the command fails.
quietly() {
  local log=$1 status=0
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || status=$?
  if [ $status -ne 0 ]; then cat "$log" >&2; fi
  return $status
}

# As build, in a few lines. On a terminal, ninja shows its progress on one line; elsewhere only what fails is shown.
build_quietly() {
  local preset=$1
  shift
  say "building $preset in build/$preset (the first time: 5 minutes on 2 cores)"
  [ -f "build/$preset/build.ninja" ] || quietly "build/$preset/configure.log" cmake --preset "$preset"
  local command=(cmake --build --preset "$preset" --parallel "$(nproc)" "$@")
  if [ -t 1 ]; then "${command[@]}"; else quietly "build/$preset/build.log" "${command[@]}"; fi
}

# run_with_signals COMMAND...: runs the command without input, passes SIGINT, SIGTERM and SIGHUP on to it, and returns its
# status. A shell that waits for a command in the foreground would handle a signal only once the command has ended.
run_with_signals() {
  local child signal status=0
  set -m # the command gets a process group of its own, and does not ignore SIGINT
  "$@" </dev/null &
  child=$!
  set +m
  for signal in INT TERM HUP; do trap "kill -$signal $child 2>/dev/null" $signal; done
  wait $child || status=$?
  while kill -0 $child 2>/dev/null; do # a signal has ended wait before the command has ended
    status=0
    wait $child || status=$?
  done
  trap - INT TERM HUP
  return $status
}
