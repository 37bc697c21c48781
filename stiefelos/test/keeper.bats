#!/usr/bin/env bats
# What the keeper says before it keeps anything; the rest is in compose-test, with a kernel that has nbd.
setup_file() {
  command -v gcc >/dev/null || skip "needs gcc"
  export keeper=$BATS_FILE_TMPDIR/keeper
  gcc -std=gnu17 -Wall -Wextra -Werror -Wshadow -Wno-missing-field-initializers -fsanitize=address,undefined \
    -o "$keeper" "$BATS_TEST_DIRNAME/../root-link/keeper.c"
}
setup() { good=(--host fe80::1 --link eth0 --export root@0123456789abcdef0123456789abcdef --boot-id 0123456789abcdef0123456789abcdef); }

@test "missing, empty and wrong arguments end with 2 and say which" {
  run "$keeper"
  [ "$status" -eq 2 ]
  [[ $output == usage:* ]]
  refused() { # WORDS ARGUMENT...
    local words=$1
    shift
    run "$keeper" "${good[@]}" "$@"
    [ "$status" -eq 2 ] || { echo "$*: $status $output"; return 1; }
    [[ $output == *"$words"* ]] || { echo "$*: $output"; return 1; }
  }
  refused '--timeout 1: a number from 2 to 120' --timeout 1
  refused '--timeout 5s: a number from 2 to 120' --timeout 5s
  refused '--dead-timeout : a number' --dead-timeout ''
  refused '--port 65536: a number from 1 to 65535' --port 65536
  refused '--device 16: a number from 0 to 15' --device 16
  refused '--host fe80::1%eth0: an IPv6 address without a zone' --host fe80::1%eth0
  refused '--host 10.0.0.1: an IPv6 address' --host 10.0.0.1
  refused '--link: 1 to 15 characters' --link a-name-of-16-chars
  refused '--export: 1 to 127 characters' --export ''
  refused 'usage:' --boot-id 0123
  refused 'usage:' one-word-too-many
  refused 'unrecognized option' --nonsense
}

@test "a kernel without nbd is said to be one" {
  if grep -q '^nbd ' /proc/modules || [ -e /sys/block/nbd0 ]; then skip "this kernel has nbd"; fi
  run "$keeper" "${good[@]}"
  [ "$status" -eq 1 ]
  [ "$output" = "this kernel has no nbd module loaded" ]
}

@test "as /run/initramfs/shutdown it does nothing unless it is process 1" {
  cp "$keeper" "$BATS_TEST_TMPDIR/shutdown"
  run "$BATS_TEST_TMPDIR/shutdown" poweroff
  [ "$status" -eq 2 ]
  [[ $output == *'as process 1'* ]]
}

@test "a host's bytes, cut, too long or changed, end the dial and nothing else" {
  gcc -std=gnu17 -Wall -Wextra -Werror -Wno-missing-field-initializers -Wno-unused-function \
    -fsanitize=address,undefined -fno-sanitize-recover=all -o "$BATS_TEST_TMPDIR/replies" "$BATS_TEST_DIRNAME/replies.c"
  run timeout 60 "$BATS_TEST_TMPDIR/replies"
  [ "$status $output" = "0 well" ] || { echo "$output"; return 1; }
}
