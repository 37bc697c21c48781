# shellcheck shell=bash
# The scripts run under busybox, so they are tested under it: a directory of its applets comes first in PATH.
setup_busybox() {
  root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
  if ! busybox --list 2>/dev/null | grep -qx ash; then skip "needs busybox: apt-get install busybox-static"; fi
  applets=$BATS_TEST_TMPDIR/applets
  mkdir -p "$applets"
  local a
  for a in sh awk cat cp cpio cut dd dirname find grep head mkdir od printf sed sort tail tr truncate wc xzcat zcat; do
    ln -s "$(command -v busybox)" "$applets/$a"
  done
}

# agent 'COMMANDS'  runs them under busybox sh with the agent's functions
agent() { PATH="$applets:$PATH" "$applets/sh" -c ". '$root/agent/functions'; $1"; }

# root_link 'COMMANDS'
root_link() { PATH="$applets:$PATH" "$applets/sh" -c ". '$root/root-link/functions'; $1"; }
