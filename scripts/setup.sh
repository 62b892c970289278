#!/usr/bin/env bash
# Makes a fresh clone ready: the system programs that btfmill calls, then the npm packages.
# Safe to repeat; takes a second or two when nothing is missing. `npm run doctor` tells what each program is for.

set -euo pipefail

usage() {
  cat <<'USAGE'
usage: scripts/setup.sh [--minimal] [--help]

  --minimal   only what a crawl needs; leaves out the compilers and packaging tools that the tests use

Installs missing programs with apt-get or dnf when run as root or with password-free sudo; otherwise prints
what to install. Exit 0: ready (a missing optional or test program is only reported). Exit 1: something that
btfmill cannot do without is missing. Exit 2: a wrong flag.
USAGE
}

want_tests=yes
for argument in "$@"; do
  case $argument in
    --minimal) want_tests=no ;;
    -h | --help) usage; exit 0 ;;
    *) printf 'setup: unknown argument: %s\n' "$argument" >&2; usage >&2; exit 2 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps bpftool, which is not on an ordinary user's path

# Need, command, Debian package(s), Fedora package(s). `a|b`: the first name that the release knows; `a,b`: both.
#   required   no crawl without it
#   optional   a crawl does without it, with less (npm run doctor says what)
#   build      compiles better-sqlite3 when no ready-made binary fits; not looked at while it loads
#   test       npm test
readonly TOOLS='
required  xz                     xz-utils                 xz
required  gpgv                   gpgv                     /usr/bin/gpgv
required  flock                  util-linux               util-linux
optional  zstd                   zstd                     zstd
optional  bzip2                  bzip2                    bzip2
optional  pahole                 pahole|dwarves           dwarves
build     python3                python3                  python3
build     make                   make                     make
build     g++                    g++                      gcc-c++
test      bpftool                bpftool|linux-tools-generic  bpftool
test      gcc                    gcc,libc6-dev            gcc,glibc-devel
test      clang                  clang                    clang
test      ld.lld                 lld                      lld
test      readelf                binutils                 binutils
test      objcopy                binutils                 binutils
test      objdump                binutils                 binutils
test      ar                     binutils                 binutils
test      llvm-dwarfdump         llvm                     llvm
test      s390x-linux-gnu-gcc    gcc-s390x-linux-gnu      gcc-s390x-linux-gnu
test      aarch64-linux-gnu-gcc  gcc-aarch64-linux-gnu    gcc-aarch64-linux-gnu
test      dwz                    dwz                      dwz
test      dpkg-deb               dpkg                     dpkg
test      apt-ftparchive         apt-utils                /usr/bin/apt-ftparchive
test      gpg                    gpg,gpg-agent            gnupg2
test      gpgconf                gpgconf                  gnupg2
test      rpmbuild               rpm                      rpm-build
test      rpmsign                rpm                      rpm-sign
test      rpm                    rpm                      rpm
test      rpm2cpio               rpm2cpio                 rpm
test      rpm2archive            rpm2cpio                 rpm
test      cpio                   cpio                     cpio
test      createrepo_c           createrepo-c             createrepo_c
test      modifyrepo_c           createrepo-c             createrepo_c
test      rpmkeys                rpm                      rpm
test      minisign               minisign                 minisign
test      systemd-analyze        systemd                  systemd
test      openssl                openssl                  openssl
test      tar                    tar                      tar
test      gzip                   gzip                     gzip
'

say() { printf 'setup: %s\n' "$*"; }
complain() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

check_node() {
  if ! have node || ! have npm; then
    complain 'Node.js with npm is missing: install Node 24 or 20 (>= 20.19), from your distribution or https://nodejs.org'
    exit 1
  fi
  # The same range as package.json engines.
  if ! node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 22) || major > 22 ? 0 : 1);
  '; then
    complain "Node $(node --version) does not fit: btfmill needs 20.19 or a later 20, or 22.22 and up (24 recommended)"
    exit 1
  fi
}

# better-sqlite3 is the one package with machine code: tried in a process of its own, because a binary made for
# another Node may take the process down.
sqlite_loads() {
  [[ -d node_modules/better-sqlite3 ]] &&
    node -e 'new (require("better-sqlite3"))(":memory:").close()' >/dev/null 2>&1
}

# npm writes node_modules/.package-lock.json last, so it is the stamp of a finished install.
npm_packages_fit() {
  [[ -f node_modules/.package-lock.json && ! package-lock.json -nt node_modules/.package-lock.json ]] && sqlite_loads
}

# Prints `need command debian fedora` of each wanted program that is not there.
missing_tools() {
  local need tool debian fedora
  while read -r need tool debian fedora; do
    [[ -n $need ]] || continue
    [[ $need == test && $want_tests == no ]] && continue
    [[ $need == build && $packages_fit == yes ]] && continue
    have "$tool" || printf '%s %s %s %s\n' "$need" "$tool" "$debian" "$fedora"
  done <<<"$TOOLS"
}

apt_knows() { [[ -n $(apt-cache madison "$1" 2>/dev/null) ]]; }

# The Debian packages of the rows on standard input, one a line; of alternatives the first that apt knows, else
# (no package lists yet) the first.
debian_packages() {
  local need tool debian fedora name chosen
  while read -r need tool debian fedora; do
    chosen=${debian%%|*}
    for name in ${debian//|/ }; do
      if apt_knows "${name%%,*}"; then
        chosen=$name
        break
      fi
    done
    printf '%s\n' "${chosen//,/$'\n'}"
  done | sort -u
}

fedora_packages() {
  local need tool debian fedora
  while read -r need tool debian fedora; do
    printf '%s\n' "${fedora//,/$'\n'}"
  done | sort -u
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

may_install() { [[ $(id -u) == 0 ]] || { have sudo && sudo -n true 2>/dev/null; }; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

install_with_apt() {
  local rows=$1 name
  local -a wanted known=()
  apt_get update || complain 'apt-get update failed; going on with the package lists that are there'
  mapfile -t wanted < <(debian_packages <<<"$rows")
  for name in "${wanted[@]}"; do
    if apt_knows "$name"; then known+=("$name"); else complain "this release has no package $name"; fi
  done
  [[ ${#known[@]} == 0 ]] && return 0
  say "installing ${known[*]}"
  # Warnings of package scripts go to the terminal; the caller looks for the programs afterwards.
  apt_get install -y --no-install-recommends "${known[@]}" >/dev/null || complain 'apt-get install failed'
}

install_with_dnf() {
  local rows=$1
  local -a wanted
  mapfile -t wanted < <(fedora_packages <<<"$rows")
  say "installing ${wanted[*]}"
  # strict=0: a package that this release lacks does not keep the others from being installed.
  as_root dnf -y -q --setopt=strict=0 --setopt=install_weak_deps=False install "${wanted[@]}" </dev/null >/dev/null ||
    complain 'dnf install failed'
}

tell_what_to_install() {
  local rows=$1
  if have dnf && ! have apt-get; then
    complain "to install them: sudo dnf install $(fedora_packages <<<"$rows" | paste -sd ' ')"
  else
    complain "to install them: sudo apt-get install $(debian_packages <<<"$rows" | paste -sd ' ')"
  fi
}

ensure_tools() {
  local rows need tool rest
  rows=$(missing_tools)
  [[ -z $rows ]] && return 0
  if may_install && have apt-get; then
    install_with_apt "$rows"
  elif may_install && have dnf; then
    install_with_dnf "$rows"
  fi
  hash -r

  rows=$(missing_tools)
  [[ -z $rows ]] && return 0
  while read -r need tool rest; do
    complain "missing ($need): $tool"
  done <<<"$rows"
  tell_what_to_install "$rows"
  # Without a compiler npm may still find a ready-made better-sqlite3, so `build` alone stops nothing yet.
  if grep -q '^required ' <<<"$rows"; then exit 1; fi
}

install_npm_packages() {
  [[ $packages_fit == yes ]] && return 0
  local prefix folder headers='downloaded'
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  # With the headers of the running Node at hand node-gyp need not download them. The npm package `node` keeps them in
  # a package of its own beside bin/.
  for folder in "$prefix" "$prefix"/node_modules/node-*; do
    if [[ -f $folder/include/node/node.h && -f $folder/include/node/common.gypi ]]; then
      export npm_config_nodedir=$folder
      headers='taken from that installation'
      break
    fi
  done
  say 'npm ci (the first time better-sqlite3 may have to be compiled, which takes a minute or two)'
  if ! npm ci --no-audit --no-fund --loglevel=error </dev/null; then
    complain "npm ci failed (Node $(node --version) in $prefix; its headers, if they were needed, were to be $headers)"
    exit 1
  fi
  if ! sqlite_loads; then
    complain "better-sqlite3 does not load on Node $(node --version); its build needs python3, make and g++"
    exit 1
  fi
}

check_node
packages_fit=no
npm_packages_fit && packages_fit=yes
ensure_tools
install_npm_packages
say "ready (Node $(node --version)); next: npm run crawl -- --help, npm test, npm run doctor"
