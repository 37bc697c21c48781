# shellcheck shell=bash
# What `up` and `down` share. Sourced, never run; wants compose_root and STIEFEL_VAR.
export STIEFEL_VAR
export STIEFEL_COMPOSE_RUN=${STIEFEL_COMPOSE_RUN:-$STIEFEL_VAR/compose}
export STIEFEL_PROMETHEUS_PORT=${STIEFEL_PROMETHEUS_PORT:-9090}
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-stiefel}

me=$(basename "$0")
say() { printf '%s: %s\n' "$me" "$*" >&2; }

# die WHAT WHAT-TO-DO
die() {
  printf '%s: error: %s\n%s: %s\n' "$me" "$1" "$me" "$2" >&2
  exit 1
}

# Version 2, a plugin, where there is one; else Debian's docker-compose.
if docker compose version >/dev/null 2>&1; then
  compose_command=(docker compose)
else
  compose_command=(docker-compose)
fi
compose_command+=(-f "$compose_root/docker-compose.yml" -p "$COMPOSE_PROJECT_NAME")
compose() { "${compose_command[@]}" "$@"; }

need_daemon() {
  command -v docker >/dev/null || die "docker is missing" "install it: apt-get install docker.io docker-compose"
  docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null ||
    die "docker-compose is missing" "install it: apt-get install docker-compose"
  docker version >/dev/null 2>&1 ||
    die "no docker daemon answers" "start it: systemctl start docker (or, where there is no systemd: dockerd &); you may need to be root or in the group docker"
}
