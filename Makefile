# SPDX-License-Identifier: GPL-2.0
#
# cordbg: write another process's memory behind breakpoints
#
# For this machine:
#   make                  the module, for the running kernel, and libcordbg
#   make modules_install  install the module (as root)
#   make tool             cordbg, the command-line tool; needs libdw, json-c, readline
#   make install          install libcordbg and its headers, and the tool if built
#   make bench-native     measure, with the module loaded (as root)
#
#   make deb              Debian packages, in .build/deb
#   make dkms-install     instead of them: let DKMS build and install the module,
#                         also for kernels to come (as root); dkms-uninstall
#   make sign             sign the module for Secure Boot: KEY, CERT, MODULE
#
# For development on Debian 12. Kernels are Debian's own and run in QEMU; all that
# changes on this machine is that missing Debian packages are installed:
#   make test             the selftests, 64-bit and 32-bit, on Linux 6.1 and 6.12
#   make stress           everything at once for DURATION seconds
#   make test-reload      the module loaded and unloaded ROUNDS times under traffic
#   make shell            a prompt in the test machine, with the module loaded
#   make demo             a story with a real program
#   make check            style and static checks
#   make test-arm64       some of the selftests, on arm64
#   make test-kasan       some of the selftests, on a kernel built with KASAN
#   make test-debug       all, a million operations of the program model, and stress,
#                         on kernels with KASAN and with KCSAN
#   make coverage         which lines of the module the selftests reach
#   make test-packages    the packages on a clean Debian: install, boot, use, purge
#   make test-programs    the tool on mono, node, python3, sqlite3, nginx, ...
#   make test-readme      every command of README.md's quick start, as it stands
#   make bench            cordbg beside the other ways, measured
#   make bench-profile    and how many instructions each function takes
#
#   make clean            remove what was built
#   make distclean        remove what was downloaded too
#   make help             this text
#
# The three lanes with programs take some minutes each, run on KERNEL=6.1 unless
# said otherwise, and need root for a chroot.
#
# Variables:
#   KDIR     kernel build tree to build the module for
#            [/lib/modules/`uname -r`/build]
#   DESTDIR  directory to install libcordbg below [none]
#   PREFIX   where libcordbg goes there [/usr/local]
#   KERNEL   6.1, 6.12 or "6.1 6.12", for test, check, shell, demo and bench
#            [both; shell, demo, stress and bench: 6.12]; for test, test-reload,
#            stress and shell also 6.1-rt, 6.12-rt (with PREEMPT_RT), newest (the
#            newest that Debian has for any of its releases, as of when it was
#            downloaded: remove .build/kernels/newest to look again), and kasan,
#            kcsan and gcov: 6.12, built here on first use, which takes five to
#            ten minutes each, and kept in ~/.cache/cordbg
#   ARCH     arm64: test, stress and shell on that, 64-bit and without the tool
#            [this machine's]
#   T        test: programs to run, such as "write read" [all]
#   BITS     test: 64, 32 or "64 32" [both; stress: 64]
#   PACE     test: percent of the time that each race is to take; the least number
#            of its rounds stays [100]
#   DURATION stress: seconds [60]
#   ROUNDS   test-reload: how often [1000]
#   SEED     stress, and test of the program model: seed of the random numbers
#            [a random one]
#   OPERATIONS  test: how many the program model tries [10000]; for more than
#            100000 set TIMEOUT, in seconds, too
#   KEY, CERT, MODULE
#            sign: private key, certificate, module [those of DKMS; the module
#            that make has built]
#   SECTIONS bench: such as "attach transfer" [all]
#   V        test: 1 shows the programs' whole reports [none]

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
KERNEL ?= 6.1 6.12
BITS ?= 64 32
T ?=
PACE ?=
DURATION ?= 60
SEED ?=
ROUNDS ?= 1000
SECTIONS ?=

vm := selftests/vm
ifeq ($(ARCH),arm64)
override KERNEL := $(KERNEL:%-arm64=%)
override KERNEL := $(KERNEL:%=%-arm64)
override BITS := arm64
cross := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm
endif
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

tool:
	$(MAKE) -C user tool

install:
	$(MAKE) -C user install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
.PHONY: modules modules_install library tool install

test:
	@$(vm)/deps $(cross)
	@PACE=$(PACE) $(build_in_vm) test KERNEL="$(KERNEL)" BITS="$(BITS)" \
		T="$(T)"

stress:
	@$(vm)/deps $(cross)
	@$(build_in_vm) stress KERNEL=$(series) BITS=$(firstword $(BITS)) \
		DURATION=$(DURATION) SEED=$(SEED)

# An hour is plenty.
test-reload:
	@$(vm)/deps $(cross)
	@ROUNDS=$(ROUNDS) TIMEOUT=3600 $(build_in_vm) test KERNEL="$(KERNEL)" \
		BITS="$(firstword $(BITS))" T=reload

# What is worth most where memory can be used too early, too late or not at all.
kasan_programs := attach batch_end breakpoint lifetime sessions write

test-kasan:
	@$(vm)/deps
	@PACE=$(PACE) $(build_in_vm) test KERNEL=kasan BITS=$(firstword $(BITS)) \
		T="$(or $(T),$(kasan_programs))"

# What another opcode, another cache and another page table make different.
arm64_programs := abi behind breakpoint device far_tail fork list model opcode \
	remap rewritten step trap verify write

test-arm64:
	@$(MAKE) --no-print-directory test ARCH=arm64 PACE=$(PACE) \
		KERNEL="$(series)" T="$(or $(T),$(arm64_programs))"

# What fails in one must not keep the other from running.
test-debug:
	@$(vm)/deps
	@status=0; \
	$(build_in_vm) test KERNEL="kasan kcsan" BITS="$(BITS)" T="$(T)" || status=1; \
	[ -n "$(T)" ] || OPERATIONS=1000000 TIMEOUT=7200 $(build_in_vm) test \
		KERNEL=kasan BITS=64 T=model || status=1; \
	for kernel in kasan kcsan; do for bits in $(BITS); do \
		$(build_in_vm) stress KERNEL=$$kernel BITS=$$bits \
			DURATION=$(DURATION) SEED=$(SEED) || status=1; \
	done; done; exit $$status

coverage:
	@$(vm)/deps jq
	@$(build_in_vm) coverage KERNEL=gcov BITS="$(BITS)" T="$(T)"
.PHONY: test-kasan test-arm64 test-debug coverage

check:
	@$(vm)/deps coccinelle
	@$(build_in_vm) check KERNEL="$(KERNEL)"

shell:
	@$(vm)/deps $(cross)
	@$(build_in_vm) machine KERNEL=$(series) BITS="$(BITS)"
	@$(vm)/qemu $(series) .build/vm/$(series).initramfs \
		"quiet cordbg_mode=shell" -serial mon:stdio

demo:
	@$(vm)/deps
	@$(vm)/lock selftests/demo/run $(series)
.PHONY: test stress test-reload check shell demo

deb:
	@$(vm)/deps --only dpkg-dev debhelper fakeroot lintian
	@$(vm)/lock user/debian/build

# The version is that of user/Makefile.
dkms_version = $(shell sed -n 's/^VERSION := //p' user/Makefile)
kernel_release = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h)
dkms_source = /usr/src/cordbg-$(dkms_version)

dkms-install: $(KDIR)/Makefile
	@command -v dkms >/dev/null || \
		{ echo "No dkms: install the Debian package dkms" >&2; exit 1; }
	user/dkms/source $(dkms_source)
	install -m 644 user/udev/60-cordbg.rules /etc/udev/rules.d/
	dkms install cordbg/$(dkms_version) -k $(kernel_release)

dkms-uninstall:
	dkms remove cordbg/$(dkms_version) --all
	rm -rf $(dkms_source) /etc/udev/rules.d/60-cordbg.rules

# The keys that DKMS makes, which mokutil --import makes known to the firmware.
KEY ?= /var/lib/dkms/mok.key
CERT ?= /var/lib/dkms/mok.pub
MODULE ?= module/cordbg.ko

sign:
	@for file in $(KEY) $(CERT) $(MODULE); do [ -r $$file ] || { \
		echo "Cannot read $$file: see KEY, CERT, MODULE in make help" >&2; \
		exit 1; }; done
	$(KDIR)/scripts/sign-file sha256 $(KEY) $(CERT) $(MODULE)
.PHONY: deb dkms-install dkms-uninstall sign

lane_series = $(if $(filter file,$(origin KERNEL)),6.1,$(firstword $(KERNEL)))

test-packages test-programs test-readme: deb
	@$(vm)/deps mmdebstrap e2fsprogs util-linux
	@$(vm)/lock env T="$(T)" selftests/system/$(@:test-%=%) $(lane_series)
.PHONY: test-packages test-programs test-readme

bench:
	@$(vm)/deps jq gnuplot-nox
	@SECTIONS="$(SECTIONS)" $(vm)/lock selftests/bench/run $(series)

bench-profile:
	@$(vm)/deps jq
	@$(vm)/lock selftests/bench/profile $(series)

bench-native:
	@$(vm)/deps --only gcc libc6-dev jq gnuplot-nox
	@SECTIONS="$(SECTIONS)" $(vm)/lock selftests/bench/native
.PHONY: bench bench-profile bench-native

clean:
	$(if $(wildcard $(KDIR)/Makefile),$(build_in_kdir) clean)
	rm -rf .build/user .build/module .build/selftests .build/vm .build/check \
		.build/demo .build/bench .build/deb .build/system/*/[p-r]*

distclean: clean
	rm -rf .build

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile
.PHONY: clean distclean help
