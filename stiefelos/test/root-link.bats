#!/usr/bin/env bats
# root-link's pure parts under busybox.
load common
setup() { setup_busybox; }

@test "a value is the last one of its name, and only of that name" {
  c='ro xstiefel.mac=1 stiefel.mac=2 stiefel.mac2=3 stiefel.mac=52:54:00:57:1e:01 quiet'
  [ "$(root_link "value '$c' mac")" = 52:54:00:57:1e:01 ]
  [ -z "$(root_link "value '$c' host")" ]
}

@test "the network managers are told by MAC and by name" {
  root_link "write_leave_alone '$BATS_TEST_TMPDIR/run' 52:54:00:57:1e:01"
  cd "$BATS_TEST_TMPDIR/run"
  grep -q '^Unmanaged=yes' systemd/network/00-stiefellink.network
  grep -q '^Name=stiefellink' systemd/network/00-stiefellink.link
  grep -q '^Unmanaged=yes' systemd/network/00-stiefellink-by-name.network
  grep -q '^Name=stiefellink' systemd/network/00-stiefellink-by-name.network
  [ "$(grep -c -r '52:54:00:57:1e:01' . | grep -c ':1$')" -eq 4 ]
  grep -q 'interface-name:stiefellink' NetworkManager/conf.d/00-stiefellink.conf
}

@test "the first kernel's seconds are found by the clock, and a clock that was set is not believed" {
  # loading took 14 s behind the 24 that the agent knew of; this kernel runs for 6
  [ "$(root_link "seconds_before 24.00 1700000000 1700000044 6.00")" = 38.00 ]
  [ "$(root_link "seconds_before 24.00 1700000000 1699996444 6.00")" = 24.00 ]
  [ "$(root_link "seconds_before 24.00 1700000000 1700036044 6.00")" = 24.00 ]
  [ "$(root_link "seconds_before 24.00 '' 1700000044 6.00")" = 24.00 ]
}

@test "seconds are a number in range, or the default with a failure" {
  [ "$(root_link "seconds_or 10 2 120 ''")" = 10 ]
  [ "$(root_link "seconds_or 10 2 120 5")" = 5 ]
  for bad in 1 121 abc -5 05 5s 99999999999 '5 6'; do
    run root_link "seconds_or 10 2 120 '$bad'"
    [ "$status $output" = "1 10" ] || { echo "$bad: $status $output"; return 1; }
  done
}

@test "the card's firmware is copied from the initrd, and nothing else" {
  cd "$BATS_TEST_TMPDIR"
  mkdir -p firmware/rtl_nic firmware/other etc
  touch firmware/rtl_nic/a.fw firmware/rtl_nic/b.fw.xz firmware/other/c.fw etc/shadow
  root_link "copy_firmware firmware kept 'rtl_nic/a.fw
rtl_nic/b.fw ../etc/shadow rtl_nic/missing.fw'"
  [ "$(cd kept && find . -type f | sort | tr '\n' ' ')" = "./rtl_nic/a.fw ./rtl_nic/b.fw.xz " ]
  root_link "copy_firmware firmware kept2 ''"
  [ ! -e kept2 ]
}
