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

# Whether the kernel of series $1 is one of build-kernel's: with fault injection, and
# without ACPI.
built_here()
{
	[[ $1 =~ ^(kasan|kcsan|gcov)$ ]]
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
	as_root env ${APT_CONFIG:+APT_CONFIG="$APT_CONFIG"} apt-get -q update >&2 ||
		say "apt-get update failed; going on"
}

# Where this machine gets Debian from: SITE RELEASE COMPONENT.
apt_sources()
{
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' | sort -u
}

# private_apt DIR ARCH [RELEASE...]: from now on apt knows the packages of that
# architecture and of those releases of Debian, by default this machine's, and of
# none installed. All it keeps is in DIR; it asks where this machine asks.
private_apt()
{
	local dir=$1 arch=$2 sources release

	shift 2
	sources=$(apt_sources)
	[ -n "$sources" ] || die "apt has no source of Debian packages"
	rm -rf "$dir"
	mkdir -p "$dir"/{lists,archives,empty}/partial
	: > "$dir/status"
	if [ $# = 0 ]; then
		awk '{ print "deb", $0 }' <<< "$sources"
	else
		sources=$(awk '$2 !~ /-/ && $3 == "main"' <<< "$sources" | head -n 1)
		for release; do
			echo "deb ${sources%% *} $release main"
		done
	fi > "$dir/sources.list"
	cat > "$dir/apt.conf" <<-END
	APT::Architecture "$arch";
	#clear APT::Architectures;
	APT::Architectures { "$arch"; };
	APT::Sandbox::User "root";
	APT::Install-Recommends "false";
	Acquire::Languages "none";
	Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
	Dir::Etc::sourcelist "$dir/sources.list";
	Dir::Etc::sourceparts "$dir/empty";
	Dir::Etc::preferencesparts "$dir/empty";
	Dir::State::lists "$dir/lists";
	Dir::State::status "$dir/status";
	Dir::Cache "$dir";
	Dir::Cache::archives "$dir/archives";
	END
	export APT_CONFIG=$dir/apt.conf
	apt_update
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

# The architecture of the kernel of that name.
kernel_arch()
{
	case $1 in
	*-arm64)	echo arm64 ;;
	*)		echo amd64 ;;
	esac
}

# Copy the repository into folder $1, without what builds in a working tree.
copy_sources()
{
	mkdir -p "$1"
	tar -c -C "$top" --exclude-from="$top/.gitignore" .ci .gitignore \
		.shellcheckrc Kbuild LICENSE Makefile README.md module uapi user \
		selftests | tar -x -C "$1"
}
