# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts here.

top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
# shellcheck disable=SC2034 # used by the scripts
build=$top/.build

say()
{
	printf 'vm: %s\n' "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# How many times longer things may take with the kernel of series $1.
slowness()
{
	case $1 in
	kasan|kcsan)	echo 4 ;;
	*)		echo 1 ;;
	esac
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root, and there is no sudo: $*"
	fi
}

apt_update()
{
	say "apt-get update"
	# A third-party source that is down is no reason to stop here.
	as_root apt-get -q update >&2 || say "apt-get update failed; going on"
}

# Download Debian packages into the current directory; what apt knew may have
# been replaced on the mirror since, so ask it again once.
apt_download()
{
	say "downloading $*"
	apt-get -q -o APT::Sandbox::User=root download "$@" >&2 && return
	apt_update
	apt-get -q -o APT::Sandbox::User=root download "$@" >&2
}

# Copy the repository into folder $1, without what builds in a working tree.
copy_sources()
{
	mkdir -p "$1"
	tar -c -C "$top" --exclude-from="$top/.gitignore" .ci .gitignore \
		.shellcheckrc Kbuild LICENSE Makefile README.md module uapi user \
		selftests | tar -x -C "$1"
}
