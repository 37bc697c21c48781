# shellcheck shell=bash
# What both builders (image/build, demo/build-disk) share. Sourced, never run.

me=$(basename "$0")
here_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
STIEFEL_VAR=${STIEFEL_VAR:-$(dirname "$here_root")/var}
export PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

say() { printf '%s: %s\n' "$me" "$*" >&2; }

# die WHAT WHAT-TO-DO
die() {
  printf '%s: error: %s\n' "$me" "$1" >&2
  [[ -z ${2:-} ]] || printf '%s: %s\n' "$me" "$2" >&2
  exit 1
}

# need TOOL=PACKAGE...  names every missing package at once
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  die "missing packages: ${missing[*]}" "install them: apt-get install ${missing[*]}"
}

amd64_only() {
  [[ $(dpkg --print-architecture) == amd64 ]] || die "StiefelOS is built on amd64 only for now" "use an amd64 machine"
}

# The real package behind linux-image-amd64, so that both builders use the same download.
kernel_package() {
  local p
  p=$(apt-cache show --no-all-versions linux-image-amd64 2>/dev/null | sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
  [[ -n $p ]] || die "apt does not know linux-image-amd64" "run: apt-get update (and check /etc/apt for a Debian source)"
  printf '%s\n' "$p"
}

# deb_uris PACKAGE...  one line each: 'uri' file size SHA256:hash (from apt's lists, no network)
deb_uris() {
  apt-get download --print-uris "$@" 2>/dev/null | grep -E "^'[^']+' [^ /]+\.deb [0-9]+ SHA256:[0-9a-f]{64}$" | sort -u -k2,2 ||
    die "apt cannot say where to get: $*" "run: apt-get update (and check /etc/apt for a Debian source)"
}

# fetch_debs  reads lines of deb_uris, prints the paths of the files, downloads what is missing.
fetch_debs() {
  local dir=$STIEFEL_VAR/cache/debs file size missing=() files=() lock name version part
  mkdir -p "$dir"
  exec {lock}>"$dir/.lock"
  flock "$lock"
  while read -r _ file size _; do
    if [[ ! -f $dir/$file || $(stat -c %s "$dir/$file") != "$size" ]]; then
      name=${file%%_*} version=${file#*_}
      version=${version%_*}
      missing+=("$name=${version//%3a/:}")
    fi
    files+=("$dir/$file")
  done
  if [[ ${#missing[@]} -gt 0 ]]; then
    say "downloading ${#missing[@]} packages"
    part=$(mktemp -d "$dir/.part.XXXXXX")
    if ! (cd "$part" && apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download "${missing[@]}" >apt.log 2>&1); then
      tail -n 5 "$part/apt.log" >&2
      rm -rf "$part"
      die "cannot download ${missing[*]}" "check the network, then: apt-get update"
    fi
    mv "$part"/*.deb "$dir/"
    rm -rf "$part"
  fi
  flock -u "$lock"
  exec {lock}>&-
  [[ ${#files[@]} -eq 0 ]] || printf '%s\n' "${files[@]}"
}

# with_lock NAME  serialises builders of one kind; held until the script ends
with_lock() {
  mkdir -p "$STIEFEL_VAR/cache/$1"
  exec {build_lock}>"$STIEFEL_VAR/cache/$1/.lock"
  if ! flock -n "$build_lock"; then
    say "another build is running, waiting for it"
    flock "$build_lock"
  fi
}

# publish TMP DIR  makes a finished build visible, all at once
publish() {
  rm -rf "$2"
  mv -T "$1" "$2"
}

# newest 2 builds stay, plus the one in use
prune_cache() {
  local old
  while read -r old; do
    rm -rf "${old:?}"
  done < <(find "$1" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %p\n' | sort -rn | tail -n +3 | cut -d' ' -f2-)
}
