# shellcheck shell=sh
# What the scripts beside this file share. Sourced, not run; POSIX sh.

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The script that a person typed, also in those that it runs.
RESQUE_SCRIPT=${RESQUE_SCRIPT:-$0}
export RESQUE_SCRIPT
in_docker="  Docker:         docker run --rm -it -v \"\$PWD:/app\" -w /app node:22 $RESQUE_SCRIPT"

# Node 20.19 or later, with npm.
require_node() {
  found='found none'
  if has node && has npm; then
    node -e '
      const [major, minor] = process.versions.node.split(".").map(Number)
      process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' && return
    found="found $(node --version)"
  fi
  fail "Node.js 20.19 or later with npm is needed ($found)." \
    '  Debian, Ubuntu: https://deb.nodesource.com (the nodejs of Debian 12 is too old)' \
    '  macOS:          brew install node' \
    "$in_docker"
}

# as_root COMMAND…: runs it as root, or returns 1 when that is not possible without asking for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# need PROBE WHAT DEBIAN-PACKAGES HOMEBREW-ARGUMENTS
# Sees to it that the command PROBE succeeds: through apt-get where that may be used, else says what to type.
need() {
  eval "$1" && return
  if has apt-get && as_root true; then
    say "Installing $3: $2"
    # shellcheck disable=SC2086 # several packages in one argument
    apt_install $3 && eval "$1" && return
  fi
  fail "$3 is missing: $2. It could not be installed from here; install it, then run this again." \
    "  Debian, Ubuntu: sudo apt-get update && sudo apt-get install $3" \
    "  macOS:          brew install $4" \
    "$in_docker"
}

# Redis 6.2 or later (LPOP with a count).
has_redis() {
  has redis-server || return 1
  version=$(redis-server --version | sed 's/.*v=\([0-9.]*\).*/\1/')
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt 6 ] || { [ "$major" = 6 ] && [ "$minor" -ge 2 ]; } ||
    fail "redis-server 6.2 or later is needed, found $version." \
      '  Debian, Ubuntu: https://redis.io/docs/latest/operate/oss_and_stack/install/install-stack/apt/' \
      '  macOS:          brew upgrade redis' \
      "$in_docker"
}

has_chromium() { has chromium || has chromium-browser || has google-chrome; }

# Ruby, and what builds gems that have C in them.
has_ruby() {
  has ruby && has gem && has cc && has make &&
    ruby -rrbconfig -e 'exit File.exist?(File.join(RbConfig::CONFIG["rubyarchhdrdir"], "ruby/config.h"))'
}

# apt_install PACKAGE…: says nothing unless it fails. Starts no service: a redis-server on port 6379 was not asked for.
apt_install() {
  policy=/usr/sbin/policy-rc.d
  if [ -e $policy ]; then policy=; else
    printf '#!/bin/sh\nexit 101\n' | as_root sh -c "cat >$policy && chmod 755 $policy"
  fi
  log=$(mktemp)
  status=0
  # A fresh machine has no package lists and an old one has stale ones: then the first try fails.
  apt_get install "$@" >"$log" 2>&1 ||
    { apt_get update && apt_get install "$@"; } >"$log" 2>&1 ||
    status=$?
  [ -z "$policy" ] || as_root rm -f "$policy"
  [ "$status" = 0 ] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# dist/ from src/. The compiler neither removes what lost its source nor writes again what it wrote before.
build() {
  if [ -d dist ]; then
    find dist -name '*.js' | while read -r built; do
      name=${built#dist/}
      name=${name%.js}
      [ -e "src/$name.ts" ] || [ -e "src/$name.tsx" ] || [ -e "src/$name.js" ] ||
        rm -f "dist/$name.js" "dist/$name.js.map" "dist/$name.d.ts" "dist/$name.d.ts.map"
    done
  else
    rm -f node_modules/.cache/build.tsbuildinfo
  fi
  npm run --silent build
}
