#!/usr/bin/env bats
# The builders' shared parts, and the image itself when it has been built.
load common
setup() {
  root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
  export STIEFEL_VAR=$BATS_TEST_TMPDIR/var
}
lib() { bash -euo pipefail -c ". '$root/image/lib.sh'; $1"; }

@test "a missing tool is named with its package" {
  run lib 'need sh=dash no-such-tool=good-package no-other=good-package'
  [ "$status" -eq 1 ]
  [[ $output == *'missing packages: good-package'* ]]
  [[ $output == *'apt-get install good-package'* ]]
}

@test "a package that apt does not know is an error that says what to do" {
  run lib 'deb_uris no-such-package-anywhere'
  [ "$status" -eq 1 ]
  [[ $output == *'apt-get update'* ]]
}

@test "wrong arguments end with 2" {
  run "$root/image/build" --nonsense
  [ "$status" -eq 2 ]
  run "$root/demo/build-disk" --nonsense
  [ "$status" -eq 2 ]
}

@test "a build becomes visible at once and replaces an older one" {
  mkdir -p "$STIEFEL_VAR"/{tmp,out}
  touch "$STIEFEL_VAR/tmp/new" "$STIEFEL_VAR/out/old"
  lib "publish '$STIEFEL_VAR/tmp' '$STIEFEL_VAR/out'"
  [ -e "$STIEFEL_VAR/out/new" ]
  [ ! -e "$STIEFEL_VAR/out/old" ]
}

@test "the two newest builds stay in the cache" {
  for n in 1 2 3 4; do mkdir -p "$STIEFEL_VAR/c/$n"; touch -d "2026-01-0$n" "$STIEFEL_VAR/c/$n"; done
  mkdir "$STIEFEL_VAR/c/.kernel"
  lib "prune_cache '$STIEFEL_VAR/c'"
  [ "$(cd "$STIEFEL_VAR/c" && echo .k* *)" = ".kernel 3 4" ]
}

@test "the base initrd is at most 10 MB, aligned, and holds root-link as the agent packs it" {
  base=$(dirname "$root")/var/stiefelos/base.initrd
  [ -e "$base" ] || skip "not built: run stiefelos/image/build"
  [ "$(stat -c %s "$base")" -le 10000000 ] || [ "$(stat -L -c %s "$base")" -le 10000000 ]
  [ $(($(stat -L -c %s "$base") % 4)) -eq 0 ]
  zstd -dcq "$base" | cpio -t --quiet >"$BATS_TEST_TMPDIR/list"
  for f in init bin/socat bin/kexec bin/wg bin/heard stiefel/init stiefel/functions stiefel/into-run \
    stiefel/bin/busybox stiefel/bin/keeper; do
    grep -qx "$f" "$BATS_TEST_TMPDIR/list" || { echo "lacks $f"; return 1; }
  done
  for m in virtio_net e1000e igc r8169 r8152 cdc_ncm xhci-pci; do
    grep -q "/$m\.ko$" "$BATS_TEST_TMPDIR/list" || { echo "lacks $m"; return 1; }
  done
}

@test "all scripts are clean under ShellCheck" {
  command -v shellcheck >/dev/null || skip "needs shellcheck"
  cd "$root"
  shellcheck image/build image/lib.sh demo/build-disk agent/* root-link/{init,functions,into-run} test/common.bash
}
