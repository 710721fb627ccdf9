# SPDX-License-Identifier: GPL-2.0
#
# cordbg: write another process's memory behind breakpoints
#
# For this machine:
#   make                  the module, for the running kernel, and libcordbg
#   make modules_install  install the module (as root)
#   make install          install libcordbg and its headers
#   make bench-native     measure, with the module loaded (as root)
#
# For development on Debian 12. Kernels are Debian's own and run in QEMU; all that
# changes on this machine is that missing Debian packages are installed:
#   make test             the selftests, 64-bit and 32-bit, on Linux 6.1 and 6.12
#   make stress           everything at once for DURATION seconds
#   make shell            a prompt in the test machine, with the module loaded
#   make demo             a story with a real program
#   make check            style and static checks
#   make bench            cordbg beside the other ways, measured
#   make bench-profile    and how many instructions each function takes
#
#   make clean            remove what was built
#   make distclean        remove what was downloaded too
#   make help             this text
#
# Variables:
#   KDIR     kernel build tree to build the module for
#            [/lib/modules/`uname -r`/build]
#   DESTDIR  directory to install libcordbg below [none]
#   PREFIX   where libcordbg goes there [/usr/local]
#   KERNEL   6.1, 6.12 or "6.1 6.12", for test, check, shell, demo and bench
#            [both; shell, demo, stress and bench: 6.12]
#   T        test: programs to run, such as "write read" [all]
#   BITS     test: 64, 32 or "64 32" [both; stress: 64]
#   DURATION stress: seconds [60]
#   SEED     stress: seed of its random numbers [a random one]
#   SECTIONS bench: such as "attach transfer" [all]
#   V        test: 1 shows the programs' whole reports [none]

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
KERNEL ?= 6.1 6.12
BITS ?= 64 32
T ?=
DURATION ?= 60
SEED ?=
SECTIONS ?=

vm := selftests/vm
series = $(lastword $(KERNEL))
build_in_kdir = $(MAKE) -C $(KDIR) M=$(CURDIR)
build_in_vm = $(vm)/lock $(MAKE) --no-print-directory -C $(vm)

all: modules library
.PHONY: all

# Debian's headers come without a key to sign with, and would complain.
modules modules_install: $(KDIR)/Makefile
	$(build_in_kdir) $@ $(if $(wildcard $(KDIR)/certs/signing_key.pem),, \
		CONFIG_MODULE_SIG_ALL=)

$(KDIR)/Makefile:
	$(error No kernel headers in $(KDIR): install the Debian package \
		linux-headers-$(shell uname -r), or set KDIR)

library:
	$(MAKE) -C user

install:
	$(MAKE) -C user install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
.PHONY: modules modules_install library install

test:
	@$(vm)/deps
	@$(build_in_vm) test KERNEL="$(KERNEL)" BITS="$(BITS)" T="$(T)"

stress:
	@$(vm)/deps
	@$(build_in_vm) stress KERNEL=$(series) BITS=$(firstword $(BITS)) \
		DURATION=$(DURATION) SEED=$(SEED)

check:
	@$(vm)/deps
	@$(build_in_vm) check KERNEL="$(KERNEL)"

shell:
	@$(vm)/deps
	@$(build_in_vm) machine KERNEL=$(series)
	@$(vm)/qemu $(series) .build/vm/$(series).initramfs \
		"quiet cordbg_mode=shell" -serial mon:stdio

demo:
	@$(vm)/deps
	@$(vm)/lock selftests/demo/run $(series)

bench:
	@$(vm)/deps
	@$(vm)/deps jq gnuplot-nox
	@SECTIONS="$(SECTIONS)" $(vm)/lock selftests/bench/run $(series)

bench-profile:
	@$(vm)/deps
	@$(vm)/deps jq
	@$(vm)/lock selftests/bench/profile $(series)

bench-native:
	@$(vm)/deps gcc libc6-dev jq gnuplot-nox
	@SECTIONS="$(SECTIONS)" $(vm)/lock selftests/bench/native
.PHONY: test stress check shell demo bench bench-profile bench-native

clean:
	$(if $(wildcard $(KDIR)/Makefile),$(build_in_kdir) clean)
	rm -rf .build/user .build/module .build/selftests .build/vm .build/check \
		.build/demo .build/bench

distclean: clean
	rm -rf .build

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile
.PHONY: clean distclean help
