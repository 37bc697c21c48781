#!/usr/bin/env bats
# The agent's pure parts under busybox.
load common
setup() {
  setup_busybox
  cd "$BATS_TEST_TMPDIR"
  id=0123456789abcdef0123456789abcdef
}

manifest() {
  cat <<M
name=thinkpad
kernel.size=8200000
kernel.sha256=$(printf 'a%.0s' {1..64})
initrd.size=30600000
initrd.sha256=$(printf 'b%.0s' {1..64})
cmdline=root=UUID=1-2 ro console=ttyS0
mode=direct
export=root
boot-id=$id
nbd-port=10809
M
}
refused() { # NAME=VALUE WORDS
  manifest | sed "s|^${1%%=*}=.*|$1|" >m
  run agent 'read_manifest m || echo "$why"'
  [[ $output == *"$2"* ]] || { echo "$1: $output"; return 1; }
}

@test "FIND is 256 bytes of the specified form" {
  run agent "find_datagram $id"
  [ ${#output} -eq 256 ]
  [[ $output == "STIEFEL/1 FIND $id "* ]]
}

@test "HELLO is accepted only for the question asked" {
  [ "$(agent "hello_transport 'STIEFEL/1 HELLO $id plain=4644' $id")" = plain=4644 ]
  [ "$(agent "hello_transport 'STIEFEL/1 HELLO $id wg=51820' $id")" = wg=51820 ]
  for bad in "STIEFEL/1 HELLO ffffffffffffffffffffffffffffffff plain=4644" "STIEFEL/2 HELLO $id plain=4644" \
    "STIEFEL/1 HELLO $id" "STIEFEL/1 HELLO $id plain=0" "STIEFEL/1 HELLO $id plain=65536" \
    "STIEFEL/1 HELLO $id plain=4644;reboot" "STIEFEL/1 HELLO $id http=80" "" "*"; do
    run agent "hello_transport \"$bad\" $id"
    [ "$status" -ne 0 ] || { echo "accepted: $bad"; return 1; }
  done
}

@test "an address is the datagram's source, written short, and nothing but an address" {
  [ "$(agent 'short_address "[fe80:0000:0000:0000:0057:1eff:fefe:1001]"')" = fe80::57:1eff:fefe:1001 ]
  [ "$(agent 'short_address "[fe80:0000:0000:0000:0000:0000:0000:0002]"')" = fe80::2 ]
  [ "$(agent 'short_address 10.99.0.1')" = 10.99.0.1 ]
  run agent 'short_address "fe80::1;reboot"'
  [ "$status" -ne 0 ]
}

@test "a good manifest is read" {
  manifest >m
  run agent 'read_manifest m && echo "$m_name $m_kernel_size $m_cmdline $m_boot_id $m_nbd_port"'
  [ "$output" = "thinkpad 8200000 root=UUID=1-2 ro console=ttyS0 $id 10809" ]
}

@test "a manifest without its last line end is read, unknown keys are ignored" {
  { echo later=1; manifest; } | head -c -1 >m
  run agent 'read_manifest m && echo "$m_nbd_port"'
  [ "$output" = 10809 ]
}

@test "a value is never evaluated" {
  manifest | sed 's|^cmdline=.*|cmdline=ro $(touch pwned) `touch pwned` ; touch pwned|' >m
  run agent 'read_manifest m && echo "$m_cmdline"'
  [ "$output" = 'ro $(touch pwned) `touch pwned` ; touch pwned' ]
  [ ! -e pwned ]
}

@test "bad values are refused with words" {
  refused 'name=' 'good name'
  refused 'name=a b' 'good name'
  refused 'kernel.size=-1' 'good kernel.size'
  refused 'kernel.size=08' 'good kernel.size'
  refused 'kernel.size=99999999999' 'good kernel.size'
  refused 'initrd.size=1e9' 'good initrd.size'
  refused 'kernel.sha256=abc' 'good kernel.sha256'
  refused "initrd.sha256=$(printf 'G%.0s' {1..64})" 'good initrd.sha256'
  refused "cmdline=$(printf 'x%.0s' {1..1301})" 'longer than 1300'
  refused 'cmdline=ro x="y' 'odd number of quotation marks'
  refused 'mode=toram' 'mode toram, which this StiefelOS does not know'
  refused 'export=../etc' 'good export'
  refused 'boot-id=1' 'good boot-id'
  refused 'nbd-port=65536' 'good nbd-port'
}

@test "a manifest that is too long, binary or empty is refused" {
  { manifest; head -c 9000 /dev/zero | tr '\0' x; } >m
  run agent 'read_manifest m || echo "$why"'
  [[ $output == *'too long'* ]]
  { manifest; printf 'x=\033[2J\n'; } >m
  run agent 'read_manifest m || echo "$why"'
  [[ $output == *'bytes that are no text'* ]]
  : >m
  run agent 'read_manifest m || echo "$why"'
  [ "$status" -eq 0 ]
  [ -n "$output" ]
}

@test "the payload's cmdline is the contract's" {
  manifest >m
  run agent "read_manifest m; mac=52:54:00:57:1e:01 host=fe80::1 payload_port=4644 elapsed=9.50 started=1700000000 address=''; payload_cmdline"
  [ "$output" = "root=UUID=1-2 ro console=ttyS0 rdinit=/stiefel/init noresume systemd.service_watchdogs=no systemd.watchdog_sec=0 systemd.swap=no systemd.mask=dracut-shutdown.service systemd.mask=mkinitcpio-generate-shutdown-ramfs.service stiefel.transport=plain stiefel.mac=52:54:00:57:1e:01 stiefel.host=fe80::1 stiefel.nbd-port=10809 stiefel.payload-port=4644 stiefel.export=root@$id stiefel.boot-id=$id stiefel.mode=direct stiefel.elapsed=9.50 stiefel.started=1700000000 stiefel.name=thinkpad" ]
}

@test "our parameters stand before the arguments of init" {
  manifest | sed 's|^cmdline=.*|cmdline=ro quiet -- single -x|' >m
  run agent "read_manifest m; mac=m host=h payload_port=1 elapsed=1 started=2 address=10.0.0.2/24; payload_cmdline"
  [[ $output == "ro quiet rdinit=/stiefel/init "*" stiefel.address=10.0.0.2/24 -- single -x" ]]
}

@test "sizes are checked against the memory" {
  manifest >m
  run agent 'read_manifest m; fits_memory 700000 && echo fits'
  [ "$output" = fits ]
  run agent 'read_manifest m; fits_memory 100000'
  [ "$status" -ne 0 ]
}

initrd() { # MODULE-FILE...
  rm -rf tree && mkdir -p tree/usr/lib/modules/6.1/kernel/drivers
  touch tree/init
  printf 'kernel/drivers/net/loopback.ko\nkernel/drivers/net/e1000.ko\n' >tree/usr/lib/modules/6.1/modules.builtin
  local m
  for m; do head -c 3000 /dev/urandom >"tree/usr/lib/modules/6.1/kernel/drivers/$m"; done
  (cd tree && find . -mindepth 1 | sed 's|^\./||' | "$applets/cpio" -o -H newc 2>/dev/null)
}
missing() { agent "cpio=$(command -v cpio); missing_modules i work $*"; }

@test "an initrd's modules are found in every format" {
  for packer in "gzip -c" "zstd -qc" "xz -c --check=crc32" "lz4 -qc" cat; do
    command -v "${packer%% *}" >/dev/null || continue
    initrd nbd.ko virtio_net.ko | $packer >i
    run missing nbd virtio_net
    [ "$status $output" = "0 " ] || { echo "$packer: $status $output"; return 1; }
    run missing nbd igc
    [ "$output" = igc ] || { echo "$packer: $status $output"; return 1; }
  done
}

@test "an early microcode segment before the compressed one is passed over" {
  mkdir -p ucode/kernel/x86/microcode && head -c 5001 /dev/urandom >ucode/kernel/x86/microcode/GenuineIntel.bin
  (cd ucode && find . | "$applets/cpio" -o -H newc 2>/dev/null) >i
  truncate -s %512 i
  initrd nbd.ko | zstd -qc >>i
  run missing nbd r8169
  [ "$status $output" = "0 r8169" ]
}

@test "compressed modules, - for _ and built-in drivers count" {
  initrd nbd.ko.xz via-rhine.ko.zst | gzip >i
  run missing nbd via_rhine e1000
  [ "$status $output" = "0 " ]
}

@test "an unknown format is said to be unreadable" {
  head -c 10000 /dev/urandom >i
  printf 'LZMAxx' | dd of=i conv=notrunc status=none
  run missing nbd
  [ "$status" -ne 0 ]
}
