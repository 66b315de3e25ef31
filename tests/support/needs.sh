# Included by with_slurm and with_hosts, which a test needs. What is missing skips the test: exit status 77, and a line
# "skipped: WHAT: WHY", which scripts/test shows at its end.

skip() {
  echo "skipped: $*"
  exit 77
}

# needs COMMAND...: runs a command without which the test is skipped.
needs() {
  local said
  said=$("$@" 2>&1) || skip "$*: ${said:-exit status $?}"
}

# needs_programs NAME...
needs_programs() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || skip "$program is not installed"; done
}

# needs_name_spaces KIND...: kinds are the options of unshare: net, mount, uts, ipc, pid.
needs_name_spaces() {
  local kind said
  for kind in "$@"; do
    case $kind in mount) flag=CLONE_NEWNS ;; *) flag=CLONE_NEW${kind^^} ;; esac
    said=$(unshare "--$kind" true 2>&1) || skip "unshare($flag): ${said##*failed: }"
  done
  said=$(unshare --mount --pid --fork --mount-proc true 2>&1) || skip "${said#unshare: }"
}
