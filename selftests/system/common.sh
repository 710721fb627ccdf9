# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts here.
# shellcheck source=../vm/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../vm/common.sh"

debian_codename()
{
	sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

# This machine's sources of Debian itself, one line each.
debian_sources()
{
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets \
		--format 'deb $(SITE) $(RELEASE) $(COMPONENT)|$(ORIGIN)|$(CODENAME)' \
		"Created-By: Packages" |
		awk -F '|' -v codename="$(debian_codename)" '
			$2 == "Debian" && index($3, codename) == 1 &&
			!seen[$1]++ { print $1 }'
}

# The package that depends on the kernel of series $1: linux-image-...
kernel_package()
{
	case $1 in
	6.1)	echo linux-image-amd64 ;;
	*)	echo "linux-image-$1-amd64" ;;
	esac
}

# in_root ROOT COMMAND...: run it as root in that system. The mounts go with it.
in_root()
{
	# shellcheck disable=SC2016 # expanded in there
	as_root unshare --mount --pid --fork sh -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
			DEBIAN_FRONTEND=noninteractive "$@"' sh "$@"
}
