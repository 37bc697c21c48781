#!/usr/bin/env bats
# shellcheck disable=SC2016 # the words are meant literally
# The launcher with a JDK and a Maven of straw: what it finds, builds, keeps and passes on.

setup() {
    checkout=$BATS_TEST_TMPDIR/checkout
    unset JAVA_HOME STIEFEL_VAR STIEFEL_LAB CI
    export STIEFEL_JVMS=$BATS_TEST_TMPDIR/jvms
    for module in discovery-service boot-payload-service block-export-service shell compose-test; do
        mkdir -p "$checkout/$module/src/main/java"
        echo "<project/>" >"$checkout/$module/pom.xml"
    done
    mkdir -p "$checkout/.mvn"
    echo "<project/>" >"$checkout/pom.xml"
    echo "class A {}" >"$checkout/shell/src/main/java/A.java"
    cp "$BATS_TEST_DIRNAME/../../../../stiefelctl" "$checkout/"
    straw_jdk "$STIEFEL_JVMS/jdk-25" 25.0.1
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH
    straw_maven 'mkdir -p shell/target; touch shell/target/shell-1-exec.jar'
}

straw_jdk() {
    mkdir -p "$1/bin"
    echo "JAVA_VERSION=\"$2\"" >"$1/release"
    cat >"$1/bin/java" <<'EOF'
#!/bin/bash
case " $* " in
    *" -Djarmode=tools "*) mkdir -p "${!#}"; touch "${!#}/shell-1.jar" ;;
    *" warm-up "*) echo "trained" ;;
    *)
        [[ -z ${STRAW_EXIT-} ]] || exit "$STRAW_EXIT"
        while [[ $1 != -jar ]]; do echo "flag<$1>"; shift; done
        shift 2
        for word; do echo "word<$word>"; done
        ;;
esac
EOF
    cp "$1/bin/java" "$1/bin/javac"
    chmod +x "$1/bin/java" "$1/bin/javac"
}

straw_maven() {
    printf '#!/bin/bash\necho run >>"%s"\n%s\n' "$BATS_TEST_TMPDIR/maven-runs" "$1" >"$BATS_TEST_TMPDIR/bin/mvn"
    chmod +x "$BATS_TEST_TMPDIR/bin/mvn"
}

straw_apt() {
    printf '#!/bin/bash\necho "Candidate: %s"\n' "$1" >"$BATS_TEST_TMPDIR/bin/apt-cache"
    printf '#!/bin/bash\necho "$*" >>"%s"\n%s\n' "$BATS_TEST_TMPDIR/apt-runs" "$2" >"$BATS_TEST_TMPDIR/bin/apt-get"
    chmod +x "$BATS_TEST_TMPDIR"/bin/apt-*
}

# Ended, or about to; an orphan in a container may stay a zombie.
gone() {
    local state
    for _ in {1..50}; do
        state=$(sed -n 's/^State:\s*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
        [[ -n $state && $state != Z ]] || return 0
        sleep 0.1
    done
    return 1
}

# Everything that this machine has, except these programs.
without() {
    rm -f "$BATS_TEST_TMPDIR/bin/mvn"
    mkdir "$BATS_TEST_TMPDIR/rest"
    ln -s /usr/bin/* "$BATS_TEST_TMPDIR/rest/"
    (cd "$BATS_TEST_TMPDIR/rest" && rm -f "$@")
    PATH=$BATS_TEST_TMPDIR/bin:$BATS_TEST_TMPDIR/rest
}

straw_requirements() {
    mkdir -p "$checkout/shell/src/main/resources/org/stiefelsystem/shell/setup"
    printf '%s\n' "# a comment" "" "bash bash demo the shell" "mvn maven test the build" \
        "no-such-program some-package demo this and that" \
        >"$checkout/shell/src/main/resources/org/stiefelsystem/shell/setup/requirements.txt"
}

runs() { wc -l <"$BATS_TEST_TMPDIR/maven-runs"; }

@test "builds once, then only runs" {
    run "$checkout/stiefelctl" help
    [ "$status" -eq 0 ]
    [[ $output == *"Building"* ]]
    run "$checkout/stiefelctl" help
    [ "$status" -eq 0 ]
    [[ $output != *"Building"* ]]
    [ "$(runs)" -eq 1 ]
}

@test "builds again after a source changed and drops the old copy" {
    "$checkout/stiefelctl" help
    echo "class B {}" >"$checkout/shell/src/main/java/B.java"
    "$checkout/stiefelctl" help
    [ "$(runs)" -eq 2 ]
    copies=("$checkout"/var/app/*/)
    [ "${#copies[@]}" -eq 1 ]
}

@test "never drops a copy that is in use" {
    "$checkout/stiefelctl" help
    old=("$checkout"/var/app/*.lock)
    exec 7>"${old[0]}"
    flock -s 7
    echo "class B {}" >"$checkout/shell/src/main/java/B.java"
    "$checkout/stiefelctl" help 7>&-
    [ -e "${old[0]%.lock}/shell.jar" ]
}

@test "keeps blanks, quotes and empty words" {
    run "$checkout/stiefelctl" export 'a  b' "it's \"q\"" '' '$HOME *'
    [ "$status" -eq 0 ]
    [[ $output == *$'word<export>\nword<a  b>\nword<it\'s "q">\nword<>\nword<$HOME *>'* ]]
}

@test "works from another directory, through a symlink, in a path with a blank" {
    mv "$checkout" "$BATS_TEST_TMPDIR/check out"
    ln -s "$BATS_TEST_TMPDIR/check out/stiefelctl" "$BATS_TEST_TMPDIR/ctl"
    cd /
    run "$BATS_TEST_TMPDIR/ctl" help
    [ "$status" -eq 0 ]
    [[ $output == *"word<help>"* ]]
    [ -d "$BATS_TEST_TMPDIR/check out/var/app" ]
}

@test "passes the exit code on" {
    "$checkout/stiefelctl" help
    STRAW_EXIT=69 run "$checkout/stiefelctl" status
    [ "$status" -eq 69 ]
}

@test "the data path gets the full compiler, the rest the quick one" {
    run "$checkout/stiefelctl" status
    [[ $output == *"TieredStopAtLevel=1"* ]]
    run "$checkout/stiefelctl" export x
    [[ $output != *"TieredStopAtLevel"* ]]
    run "$checkout/stiefelctl" server
    [[ $output != *"TieredStopAtLevel"* ]]
}

@test "JAVA_HOME counts when it is new enough, and not otherwise" {
    straw_jdk "$BATS_TEST_TMPDIR/own" 26
    rm -r "$STIEFEL_JVMS/jdk-25"
    JAVA_HOME=$BATS_TEST_TMPDIR/own run "$checkout/stiefelctl" help
    [ "$status" -eq 0 ]
    straw_jdk "$BATS_TEST_TMPDIR/old" 21.0.2
    straw_apt '(none)' 'exit 100'
    JAVA_HOME=$BATS_TEST_TMPDIR/old run "$checkout/stiefelctl" help
    [ "$status" -eq 1 ]
}

@test "no JDK 25 and none to be had: says what to install" {
    rm -r "$STIEFEL_JVMS/jdk-25"
    straw_jdk "$STIEFEL_JVMS/jdk-17" 17.0.9
    straw_apt '(none)' 'exit 100'
    run "$checkout/stiefelctl" help --yes
    [ "$status" -eq 1 ]
    [[ $output == *"error: A JDK 25 is missing"* ]]
    [[ $output == *"openjdk-25-jdk-headless"*"temurin-25-jdk"* ]]
    run grep -q install "$BATS_TEST_TMPDIR/apt-runs"
    [ "$status" -ne 0 ]
}

@test "no JDK 25 but apt has one: installs it only when told to" {
    [ "$(id -u)" -eq 0 ] || skip "only root installs"
    mv "$STIEFEL_JVMS/jdk-25" "$BATS_TEST_TMPDIR/later"
    straw_apt 25.0.1 "[[ \$* != *install* ]] || mv '$BATS_TEST_TMPDIR/later' '$STIEFEL_JVMS/jdk-25'"
    run "$checkout/stiefelctl" help </dev/null
    [ "$status" -eq 1 ]
    [ ! -e "$BATS_TEST_TMPDIR/apt-runs" ]
    run "$checkout/stiefelctl" help --yes
    [ "$status" -eq 0 ]
    grep -q 'install openjdk-25-jdk-headless' "$BATS_TEST_TMPDIR/apt-runs"
}

@test "apt cannot install it: says that, and looked for newer lists first" {
    [ "$(id -u)" -eq 0 ] || skip "only root installs"
    mv "$STIEFEL_JVMS/jdk-25" "$BATS_TEST_TMPDIR/later"
    straw_apt 25.0.1 'exit 100'
    run "$checkout/stiefelctl" help --yes
    [ "$status" -eq 1 ]
    [[ $output == *"error: apt could not install openjdk-25-jdk-headless"* ]]
    [[ $(head -n 1 "$BATS_TEST_TMPDIR/apt-runs") == *update* ]]
}

@test "setup without a Maven lists all that is missing and installs nothing" {
    straw_requirements
    straw_apt 1 'exit 0'
    without mvn
    run "$checkout/stiefelctl" setup
    [ "$status" -eq 1 ]
    [[ $output == *"This machine lacks:"*"mvn "*"maven "*"for the build"*"no-such-program"*"for this and that"* ]]
    [[ $output == *"error: 2 programs are missing"*"apt-get install maven some-package" ]]
    [[ $output != *"the shell"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/apt-runs" ]
}

@test "setup without a JDK lists that too" {
    straw_requirements
    without mvn
    rm -r "$STIEFEL_JVMS/jdk-25"
    run "$checkout/stiefelctl" setup
    [ "$status" -eq 1 ]
    [[ $output == *"openjdk-25-jdk-headless"*"error: 3 programs are missing"* ]]
}

@test "a second demo in the same place is refused, and so nothing of the first is touched" {
    "$checkout/stiefelctl" help
    exec 6>"$checkout/var/demo.lock"
    flock 6
    run "$checkout/stiefelctl" demo --exit 6>&-
    [ "$status" -eq 1 ]
    [[ $output == *"error: a demo runs here already"* ]]
}

@test "a command of the demo's group is an ordinary command" {
    run "$checkout/stiefelctl" demo console
    [ "$status" -eq 0 ]
    [[ $output == *$'word<demo>\nword<console>'* ]]
    [[ $output != *"prepare-demo"* ]]
}

@test "a build error is shown with the file's own path" {
    straw_maven 'echo "[ERROR] $PWD/shell/src/main/java/A.java:[1,1] class expected"; exit 1'
    run "$checkout/stiefelctl" help
    [ "$status" -eq 1 ]
    [[ $output == *"$checkout/shell/src/main/java/A.java:[1,1] class expected"* ]]
    [[ $output == *"error: the build failed"* ]]
    [ -z "$(ls -d "$checkout"/var/app/*/ 2>/dev/null)" ]
}

@test "an interrupted build leaves no process and no half copy" {
    straw_maven "sleep 987 & echo \$! >'$BATS_TEST_TMPDIR/sleep-pid'; echo \$\$ >'$BATS_TEST_TMPDIR/maven-pid'; wait"
    "$checkout/stiefelctl" help 3>&- &
    launcher=$!
    for _ in {1..100}; do [ -s "$BATS_TEST_TMPDIR/maven-pid" ] && break; sleep 0.1; done
    kill -TERM "$launcher"
    code=0
    wait "$launcher" || code=$?
    [ "$code" -eq 143 ]
    gone "$(cat "$BATS_TEST_TMPDIR/maven-pid")"
    gone "$(cat "$BATS_TEST_TMPDIR/sleep-pid")"
    [ -z "$(ls -d "$checkout"/var/app/*/ 2>/dev/null)" ]
}

@test "a wrong word for the demo ends before anything is prepared" {
    "$checkout/stiefelctl" help
    STRAW_EXIT=2 run "$checkout/stiefelctl" demo --bogus
    [ "$status" -eq 2 ]
}

@test "no place for its state: says so" {
    STIEFEL_VAR=/dev/null/var run "$checkout/stiefelctl" help
    [ "$status" -eq 1 ]
    [[ $output == *"Set STIEFEL_VAR"* ]]
}
