# SPDX-License-Identifier: MIT
#
# moqstat: build, test, demo. `make help` lists the targets; V=1 shows the commands.
#
# On a fresh Debian 12 machine with cargo, as root, `make test` or `make demo` is all that is needed.

VERSION := 0.2.0

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

# ---- what may be set from outside ---------------------------------------------------------------

CC := gcc
CLANG ?= clang-19
CLANG_FORMAT ?= clang-format-19
CLANG_TIDY ?= clang-tidy-19
PKG_CONFIG ?= pkg-config
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool || echo bpftool)
CFLAGS ?= -O2 -g
LDFLAGS ?=
WERROR ?= -Werror
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
# make fuzz: for all targets together.
SECONDS := 60
# RELAY=, RELAY_DWARF=, LOAD=: a moq-relay, one with debug information, and a load client to use
# instead of building them.

# ---- sources ------------------------------------------------------------------------------------

B := build

USER_SRCS := $(sort $(wildcard user/*.c))
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
# What unit tests share: every other C file beside them.
UNIT_HELP := $(filter-out $(UNIT_SRCS),$(sort $(wildcard tests/unit/*.c)))
# Unit tests of bpf/, compiled for the host.
HOST_SRCS := $(sort $(wildcard tests/bpf/test_*.c))
HOST_HELP := $(filter-out $(HOST_SRCS),$(sort $(wildcard tests/bpf/*.c)))
SKEL := $(B)/bpf/moqstat.skel.h

LIB_SRCS := $(filter-out user/main.c,$(USER_SRCS))
UNIT_NAMES := $(basename $(notdir $(UNIT_SRCS)))
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAMES := $(patsubst fuzz_%,%,$(filter-out fuzz_main,$(basename $(notdir $(FUZZ_SRCS)))))
# What targets share, and the executables that unit tests put together.
FUZZ_HELP := tests/fuzz/fuzz.c tests/fuzz/serving.c tests/unit/elf_image.c tests/unit/relay_image.c
# With libFuzzer, and with fuzz_main.c to replay inputs.
FUZZ_BINS := $(FUZZ_NAMES:%=$(B)/fuzz/%)
FUZZ_REPLAYS := $(FUZZ_NAMES:%=$(B)/asan/tests/fuzz/%)
HOST_NAMES := $(basename $(notdir $(HOST_SRCS)))
UNIT_BINS := $(UNIT_NAMES:%=$(B)/tests/unit/%) $(UNIT_NAMES:%=$(B)/asan/tests/unit/%) \
	$(HOST_NAMES:%=$(B)/tests/bpf/%) $(HOST_NAMES:%=$(B)/asan/tests/bpf/%)

# ---- flags --------------------------------------------------------------------------------------

PKGS := libbpf libelf jansson zlib libcap-ng libseccomp libmicrohttpd libsystemd libcurl libxxhash libwebsockets ncursesw
# Asked of pkg-config once, and only if something is compiled: `make deps` must work without it.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PKGS)))$(PKG_LIBS)
TEST_LIBS = $(eval TEST_LIBS := $$(shell $(PKG_CONFIG) --libs cmocka))$(TEST_LIBS)
# These two have no pkg-config file.
LIBS = $(PKG_LIBS) -lZydis -liberty

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wvla $(WERROR)
# -iquote, since user/elf.h is not the system's <elf.h>.
C_FLAGS = -std=gnu11 $(CFLAGS) $(WARN) -D_GNU_SOURCE -DMOQSTAT_VERSION='"$(VERSION)"' \
	'-ffile-prefix-map=$(CURDIR)=.' -Iinclude -iquote user -I$(B)/bpf $(PKG_CFLAGS) -MMD -MP
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
TEST_LD := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# Code that is followed without end is given up after fewer steps, so that more inputs are tried.
FUZZ_FLAGS := -O1 $(FUZZ_SAN) -iquote tests/unit -DMACHINE_STEPS_MAX=50000
BPF_FLAGS := -target bpf -fdebug-compilation-dir=. -D__TARGET_ARCH_x86 -mcpu=v3 -std=gnu11 -g -O2 -Wall -Wextra -Wshadow \
	-Wno-missing-declarations $(WERROR) -Iinclude -Ivmlinux/x86_64 -Ibpf -MMD -MP

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# ---- build --------------------------------------------------------------------------------------

.PHONY: all
all: $(B)/moqstat ## build build/moqstat (the default)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c Makefile | $(B)/.tools
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(B)/bench/%.bpf.o: bench/%.bpf.c Makefile | $(B)/.tools
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -c $< -o $@

# `gen object` leaves out the DWARF, which would be carried in the binary for nothing.
%.linked.o: %.bpf.o
	$(Q)$(BPFTOOL) gen object $@ $<

%.skel.h: %.linked.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(*F))_bpf > $@
.PRECIOUS: %.linked.o %.bpf.o

# The page is part of it.
PAGE_BUILT := $(B)/user/page.o $(B)/asan/user/page.o $(B)/fuzz/user/page.o $(B)/tidy/user/page.ok
$(PAGE_BUILT): page/index.html $(B)/user/page_policy.h
$(PAGE_BUILT): C_FLAGS += -I$(B)/user

$(B)/user/page_policy.h: page/index.html page/policy
	@mkdir -p $(@D)
	$(Q)page/policy $< > $@

# Which compiler made the programs.
VERSION_BUILT := $(B)/user/version.o $(B)/asan/user/version.o $(B)/fuzz/user/version.o $(B)/tidy/user/version.ok
$(VERSION_BUILT): C_FLAGS += -DMOQSTAT_CLANG='"$(shell $(CLANG) --version | sed 1q)"'

# Plain and sanitized objects: build/ and build/asan/ mirror the tree.
$(B)/asan/%.o: %.c Makefile | $(B)/.tools $(SKEL)
	$(call say,CC-A,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_FLAGS) $(ASAN) -c $< -o $@

$(B)/%.o: %.c Makefile | $(B)/.tools $(SKEL)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_FLAGS) $(HARDEN) -c $< -o $@

$(B)/moqstat: $(USER_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/asan/moqstat: $(USER_SRCS:%.c=$(B)/asan/%.o)
	$(call say,LD-A,$@)
	$(Q)$(CC) $(ASAN) $(LDFLAGS) $^ $(LIBS) -o $@

# One binary a test file, with every module but main. tests/unit/alloc_fail.c stands in for malloc().
$(UNIT_NAMES:%=$(B)/asan/tests/unit/%): $(B)/asan/%: \
		$(B)/asan/%.o $(UNIT_HELP:%.c=$(B)/asan/%.o) $(LIB_SRCS:%.c=$(B)/asan/%.o)
	$(call say,LD-A,$@)
	$(Q)$(CC) $(ASAN) $(LDFLAGS) $(TEST_LD) $^ $(TEST_LIBS) $(LIBS) -o $@

$(UNIT_NAMES:%=$(B)/tests/unit/%): $(B)/%: \
		$(B)/%.o $(UNIT_HELP:%.c=$(B)/%.o) $(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $(TEST_LD) $^ $(TEST_LIBS) $(LIBS) -o $@

# A target by itself replays inputs; with libFuzzer, which only clang has, it looks for new ones.
$(B)/asan/tests/fuzz/%.o: C_FLAGS += -iquote tests/unit
$(FUZZ_REPLAYS): $(B)/asan/tests/fuzz/%: $(B)/asan/tests/fuzz/fuzz_%.o $(B)/asan/tests/fuzz/fuzz_main.o \
		$(FUZZ_HELP:%.c=$(B)/asan/%.o) $(LIB_SRCS:%.c=$(B)/asan/%.o)
	$(call say,LD-A,$@)
	$(Q)$(CC) $(ASAN) $(LDFLAGS) $^ $(TEST_LIBS) $(LIBS) -o $@

$(B)/fuzz/%.o: %.c Makefile | $(B)/.tools $(SKEL)
	$(call say,CC-F,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(C_FLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZ_BINS): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/fuzz_%.o \
		$(FUZZ_HELP:%.c=$(B)/fuzz/%.o) $(LIB_SRCS:%.c=$(B)/fuzz/%.o)
	$(call say,LD-F,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer $(LDFLAGS) $^ $(TEST_LIBS) $(LIBS) -o $@
# The programs with stand-ins for what the kernel does, and of user/ only what makes the same hash.
$(B)/tests/bpf/%.o $(B)/asan/tests/bpf/%.o: C_FLAGS += \
	-DBPF_NO_PRESERVE_ACCESS_INDEX -Itests/bpf/include -Ivmlinux/x86_64

$(HOST_NAMES:%=$(B)/asan/tests/bpf/%): $(B)/asan/%: \
		$(B)/asan/%.o $(HOST_HELP:%.c=$(B)/asan/%.o) $(B)/asan/user/identity.o
	$(call say,LD-A,$@)
	$(Q)$(CC) $(ASAN) $(LDFLAGS) $^ $(TEST_LIBS) $(LIBS) -o $@

$(HOST_NAMES:%=$(B)/tests/bpf/%): $(B)/%: \
		$(B)/%.o $(HOST_HELP:%.c=$(B)/%.o) $(B)/user/identity.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(TEST_LIBS) $(LIBS) -o $@
# Many clients in one process, which check what they are sent.
$(B)/tests/serve/crowd: $(B)/tests/serve/crowd.o $(B)/tests/serve/crowd_reader.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ -o $@
# What a guest ends its machine with.
$(B)/tests/vm/verdict: $(B)/tests/vm/verdict.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ -o $@

.SECONDARY:
-include $(shell [ -d $(B) ] && find $(B) -name '*.d')

# ---- what the build needs -----------------------------------------------------------------------

# command or header or pkg-config module, and the Debian 12 package that has it
NEEDS := \
	cmd:$(CC)=gcc cmd:$(CLANG)=clang-19 cmd:$(BPFTOOL)=bpftool cmd:$(PKG_CONFIG)=pkg-config \
	cmd:python3=python3 cmd:objdump=binutils cmd:llvm-symbolizer-19=llvm-19 \
	pc:libbpf=libbpf-dev pc:libelf=libelf-dev pc:jansson=libjansson-dev pc:zlib=zlib1g-dev \
	pc:libcap-ng=libcap-ng-dev pc:libseccomp=libseccomp-dev pc:libmicrohttpd=libmicrohttpd-dev pc:libsystemd=libsystemd-dev \
	pc:libcurl=libcurl4-openssl-dev pc:libxxhash=libxxhash-dev pc:libwebsockets=libwebsockets-dev pc:ncursesw=libncurses-dev pc:cmocka=libcmocka-dev \
	hdr:Zydis/Zydis.h=libzydis-dev hdr:libiberty/demangle.h=libiberty-dev \
	hdr:stdio.h=libc6-dev hdr:linux/types.h=linux-libc-dev

# Only for lint, for the relay's certificates, for tests and for other kernels.
PACKAGES := $(sort make clang-format-19 clang-tidy-19 openssl valgrind libclang-rt-19-dev \
	prometheus python3-prometheus-client chromium chromium-driver fonts-dejavu-core python3-pyte \
	qemu-system-x86 busybox-static cpio man-db bash-completion zsh bpftrace \
	debhelper dpkg-dev debootstrap lintian xz-utils systemd \
	$(foreach n,$(NEEDS),$(lastword $(subst =, ,$(n)))))

# Says what is missing before a compiler does so less clearly. Asked once in a build tree.
$(B)/.tools:
	@mkdir -p $(@D); missing=; \
	for need in $(NEEDS); do \
		what=$${need%%=*}; what=$${what#*:}; \
		case $$need in \
		cmd:*) command -v "$$what" ;; \
		pc:*) $(PKG_CONFIG) --exists "$$what" ;; \
		hdr:*) echo "#include <$$what>" | $(CC) -E - ;; \
		esac > /dev/null 2>&1 || missing+="  $$what (Debian package $${need##*=})"$$'\n'; \
	done; \
	if [ -n "$$missing" ]; then \
		printf 'These are needed for the build and were not found:\n%s' "$$missing" >&2; \
		echo 'On Debian 12, "make deps" as root installs them.' >&2; exit 1; \
	fi; touch $@

.PHONY: deps
deps: ## install the Debian 12 packages that are missing (needs root only if some are)
	@missing=; for p in $(PACKAGES); do \
		[ "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2> /dev/null)" = installed ] || missing+=" $$p"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	echo "Packages to install:$$missing"; \
	if ! command -v apt-get > /dev/null; then \
		echo 'make deps: apt-get not found: it knows Debian 12 only; install these in your system'\''s way' >&2; exit 1; \
	fi; \
	if [ "$$(id -u)" != 0 ]; then \
		echo 'make deps: installing packages needs root; run "sudo make deps" once' >&2; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	install() { apt-get install -y --no-install-recommends $$missing < /dev/null; }; \
	known=1; for p in $$missing; do apt-cache show --no-all-versions $$p > /dev/null 2>&1 || known=; done; \
	if [ -z "$$known" ]; then \
		echo 'The package lists lack some of them; updating the lists'; apt-get update; install; \
	else \
		install || { echo 'Trying again with fresh package lists'; apt-get update; install; }; \
	fi || { echo "make deps: apt-get could not install:$$missing" >&2; exit 1; }

# ---- tests --------------------------------------------------------------------------------------

# A suite is a command, which may begin with VAR=value, whose last line is
# "N passed, N failed, N skipped", or which writes TAP as cmocka does; see tests/run.
export CMOCKA_MESSAGE_OUTPUT := TAP
export UBSAN_OPTIONS := print_stacktrace=1
SAN := $(B)/asan/moqstat


UNIT_SUITES := $(UNIT_BINS)
GOLDEN_SUITES := $(if $(wildcard tests/golden/run), \
	'MOQSTAT=$(B)/moqstat tests/golden/run' 'MOQSTAT=$(SAN) tests/golden/run')
# Each layout, by what was recorded of a real relay; the rest of it is in tests/unit/test_recorded*.c.
RECORDED_BINS := $(B)/tests/unit/test_recorded $(B)/tests/unit/test_recorded_memory
LAYOUT_SUITES := 'MOQSTAT=$(B)/moqstat tests/layouts/replay' 'MOQSTAT=$(SAN) tests/layouts/replay'
FUZZ_REPLAY_SUITES := $(FUZZ_NAMES:%='$(B)/asan/tests/fuzz/% tests/fuzz/corpus/%')
# What libFuzzer finds in so many seconds; T=elf is for one target.
LIBFUZZER_SUITES := 'tests/fuzz/run --seconds $(SECONDS) --jobs $(JOBS) $(T)'
HOSTILE_SUITES := 'MOQSTAT=$(SAN) tests/fuzz/elf_hostile --base $(B)/moqstat'
FUZZ_SUITES := $(if $(T),,$(HOSTILE_SUITES)) $(LIBFUZZER_SUITES)
# The slowest first.
SLOW_UNITS := $(filter test_short_memory test_sites_json test_sites_cache,$(UNIT_NAMES))
VALGRIND_SUITES := 'tests/valgrind --jobs $(JOBS) $(foreach t,$(SLOW_UNITS) $(filter-out $(SLOW_UNITS),$(UNIT_NAMES)),$(B)/tests/unit/$(t))' \
	'MOQSTAT="valgrind -q --error-exitcode=99 --leak-check=full $(B)/moqstat" tests/golden/run'
LINT_SUITES := 'MAKEFLAGS= make --no-print-directory lint JOBS=$(JOBS)'
CROWD := $(B)/tests/serve/crowd
WORDS_SUITES := 'MOQSTAT=$(B)/moqstat MADE=$(B)/packaging tests/words/run'
SERVE_SUITES := 'MOQSTAT=$(SAN) CROWD=$(CROWD) tests/serve/run' 'MOQSTAT=$(SAN) tests/top/run'
CHECK_SUITES := $(UNIT_SUITES) $(FUZZ_REPLAY_SUITES) $(GOLDEN_SUITES) $(LAYOUT_SUITES) $(wildcard vmlinux/check) \
	$(SERVE_SUITES) $(WORDS_SUITES)
# Built where the first suite that needs them comes, so that a broken unit test is told of at once.
RELAY_STEPS := $(if $(RELAY),,'RELAY:=tests/relay/build-relay') $(if $(LOAD),,'LOAD:=tests/relay/build-client')
RELAY_FUZZ := 'MOQSTAT=$(SAN) tests/fuzz/elf_hostile --relay'
DWARF_SUITES := $(if $(RELAY_DWARF),,'RELAY_DWARF:=tests/relay/build-relay --debug-lines') \
	'MOQSTAT=$(B)/moqstat tests/relay/check-dwarf'
# KERNELS: those that tests/vm boots instead of all of them.
VM_SUITE := 'MOQSTAT=$(B)/moqstat tests/vm/run $(KERNELS)'
VM_HELP := $(B)/tests/vm/verdict
ROOT_SUITES := 'MOQSTAT=$(B)/moqstat tests/e2e/run' 'MOQSTAT=$(B)/moqstat tests/chaos/run' \
	'MOQSTAT=$(B)/moqstat tests/page/run --relay' 'MOQSTAT=$(B)/moqstat tests/top/run --relay' $(VM_SUITE)
PACKAGE_SUITE := 'MOQSTAT=$(B)/moqstat tests/package/run'
PAGE_SUITES := 'MOQSTAT=$(B)/moqstat tests/page/run'

# The agent's modules on a small relay in C, and the test that floods it.
FLOOD := $(B)/tests/flood/flood $(B)/tests/flood/relay
FLOOD_SUITE = '$(strip $(foreach v,EVENTS SNAPSHOTS SECONDS T,$(if $(filter command environment,$(origin $v)),$v=$($v))) $(B)/tests/flood/flood)'

$(B)/tests/flood/flood: $(patsubst %,$(B)/tests/flood/%.o,flood agent tally) \
		$(patsubst %,$(B)/tests/fixture/%.o,process site_list symbols) $(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(TEST_LIBS) $(LIBS) -o $@

$(B)/tests/flood/relay: $(patsubst %,$(B)/tests/flood/%.o,relay guard table) \
		$(B)/tests/fixture/sites.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ -o $@

.PHONY: tests-built
tests-built: $(UNIT_BINS) $(FUZZ_REPLAYS) $(B)/moqstat $(SAN) $(FLOOD) $(CROWD) $(VM_HELP) words
	@:

.PHONY: unit
unit: $(UNIT_BINS) ## unit tests, plain and sanitized; T=test_x for one of them
	@tests/run $(if $(T),$(filter %/$(T),$(UNIT_SUITES)),$(UNIT_SUITES))

.PHONY: golden
golden: $(B)/moqstat $(SAN) ## recorded input against expected frames
	@tests/run $(GOLDEN_SUITES)

.PHONY: replay
replay: $(B)/moqstat $(RECORDED_BINS) ## each layout by recordings of real relays, without any
	@tests/run $(RECORDED_BINS) 'MOQSTAT=$(B)/moqstat tests/layouts/replay'

.PHONY: golden-update
golden-update: $(B)/tests/unit/test_metrics $(B)/tests/unit/test_stream_golden ## write the texts of tests/unit/golden anew; look at the difference
	@for t in $^; do UPDATE_GOLDEN=1 $$t > /dev/null || exit 1; done; git diff --stat tests/unit/golden

.PHONY: check
check: tests-built ## everything that needs neither root nor a relay
	@tests/run $(CHECK_SUITES)

.PHONY: fuzz
fuzz: ## hostile input: crafted files, then libFuzzer for SECONDS=60 in all; T=elf for one of its targets
	@$(MAKE) --no-print-directory -j$(JOBS) $(FUZZ_BINS) $(FUZZ_REPLAYS) $(B)/moqstat $(SAN)
	@tests/run --timeout $$(($(SECONDS) + 1800)) $(FUZZ_SUITES)

.PHONY: valgrind
valgrind: $(UNIT_BINS) $(B)/moqstat ## unit and golden tests under memcheck
	@tests/run $(VALGRIND_SUITES)

.PHONY: page
page: $(B)/moqstat ## the page at / in a headless Chromium; screenshots in build/page
	@tests/run $(PAGE_SUITES)

.PHONY: test
test: deps ## everything: lint, check, valgrind, fuzz, flood, and the program beside the real relay (root, cargo)
	@$(MAKE) --no-print-directory -j$(JOBS) tests-built $(B)/tarball/moqstat $(FUZZ_BINS)
	@tests/run $(LINT_SUITES) $(CHECK_SUITES) $(VALGRIND_SUITES) $(FUZZ_SUITES) $(FLOOD_SUITE) $(PAGE_SUITES) \
		$(RELAY_STEPS) $(PACKAGE_SUITE) $(ROOT_SUITES) $(RELAY_FUZZ) $(DWARF_SUITES)

.PHONY: flood
flood: $(FLOOD) ## hundreds of thousands of events a second on a small relay in C (root); EVENTS=100000000
	@V=1 tests/run $(FLOOD_SUITE)

.PHONY: e2e
e2e: all ## only the program beside the real relay (root, cargo)
	@tests/run $(RELAY_STEPS) 'MOQSTAT=$(B)/moqstat tests/e2e/run'

.PHONY: test-vm
test-vm: deps ## the same on other kernels under QEMU (root, cargo); KERNELS="6.1 6.12" for some of them
	@$(MAKE) --no-print-directory -j$(JOBS) all $(VM_HELP)
	@tests/run $(RELAY_STEPS) $(VM_SUITE)

.PHONY: test-layouts
test-layouts: deps ## each relay of tests/layouts/relays.ini, built once and kept (root, cargo; hours where none is there yet); RELAYS="0.12.5/fat 0.13.0" for some, CACHED=1 for those that are built
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat LOAD="$$load" exec tests/layouts/run $(if $(CACHED),--cached) $(RELAYS)

.PHONY: vm-shell
vm-shell: deps ## a shell on another kernel, with the program and a relay; KERNEL=6.12
	@$(MAKE) --no-print-directory -j$(JOBS) all $(VM_HELP)
	@relay="$(RELAY)"; [ -n "$$relay" ] || relay=$$(tests/relay/build-relay | tail -n 1); \
	load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat RELAY="$$relay" LOAD="$$load" exec tests/vm/run --shell $(or $(KERNEL),6.12)

.PHONY: chaos
chaos: all ## only hostile runs beside it: kills, crowds, full maps (root, cargo); CHAOS_SECONDS= and others make them longer
	@tests/run $(RELAY_STEPS) 'MOQSTAT=$(B)/moqstat tests/chaos/run $(CASES)'

# ---- demo, bench --------------------------------------------------------------------------------

.PHONY: demo
demo: deps ## watch a relay's frames from outside beside its own (root, cargo); RELAY=binary to use yours
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@relay="$(RELAY)"; [ -n "$$relay" ] || relay=$$(tests/relay/build-relay | tail -n 1); \
	load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat RELAY="$$relay" LOAD="$$load" exec tests/relay/demo

FIXTURE := $(B)/tests/fixture
BENCH := $(B)/bench/hit $(B)/bench/hit_fixture

$(B)/bench/hit_programs.o: | $(B)/bench/hit.skel.h
$(B)/bench/hit_programs.o: C_FLAGS += -I$(B)/bench

$(B)/bench/hit: $(patsubst %,$(B)/bench/%.o,hit hit_programs hit_ours hit_bpftrace) \
		$(FIXTURE)/process.o $(FIXTURE)/symbols.o $(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/bench/hit_fixture: $(B)/bench/hit_fixture.o $(FIXTURE)/sites.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ -o $@

# The agent's modules on a small relay with many broadcasts.
BENCH_TICK := $(B)/bench/tick $(B)/bench/tick_fixture

$(B)/bench/tick: $(B)/bench/tick.o $(FIXTURE)/process.o $(FIXTURE)/site_list.o $(FIXTURE)/symbols.o \
		$(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/bench/tick_fixture: $(B)/bench/tick_fixture.o $(FIXTURE)/sites.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ -o $@

.PHONY: bench-tick
bench-tick: $(BENCH_TICK) ## milliseconds of a tick by stage, and memory, with 1,000 to 100,000 broadcasts (root)
	@$(B)/bench/tick $(BENCH_TICK_ARGS)

.PHONY: bench
bench: $(BENCH) $(BENCH_TICK) ## nanoseconds a hit: no probe, an empty program, ours, bpftrace; then bench-tick, bench-relay and bench-serve (root, cargo)
	@$(B)/bench/hit --fixture $(B)/bench/hit_fixture $(BENCH_ARGS)
	@$(B)/bench/tick $(BENCH_TICK_ARGS)
	@$(MAKE) --no-print-directory bench-relay
	@$(MAKE) --no-print-directory bench-serve

$(B)/bench/attach: $(B)/bench/attach.o $(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

.PHONY: bench-attach
bench-attach: $(B)/bench/attach ## milliseconds to find a relay's sites, to attach and to detach (root); PID=its process
	@$(B)/bench/attach --pid $(or $(PID),$(error PID= is missing: the process of a relay)) $(BENCH_ARGS)

.PHONY: bench-relay
bench-relay: deps ## what the real relay pays, with and without (root, cargo; some 8 minutes); BENCH_RELAY_ARGS="--rounds 9"
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@relay="$(RELAY)"; [ -n "$$relay" ] || relay=$$(tests/relay/build-relay | tail -n 1); \
	load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat RELAY="$$relay" LOAD="$$load" bench/relay $(BENCH_RELAY_ARGS)

$(B)/bench/metrics: $(B)/bench/metrics.o $(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

.PHONY: bench-metrics
bench-metrics: $(B)/bench/metrics ## milliseconds of a tick's frames and of a scrape, 10,000 broadcasts
	@$(B)/bench/metrics

# With SERVE_ARGS="--sustain" how many clients of whole frames get all of them.
.PHONY: bench-publish
bench-publish: all ## what publishing at a relay takes: bytes and processor time by broadcasts and nodes (cargo)
	@relay="$(RELAY)"; [ -n "$$relay" ] || relay=$$(tests/relay/build-relay | tail -n 1); \
	load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat RELAY="$$relay" LOAD="$$load" exec bench/publish $(PUBLISH_ARGS)

.PHONY: bench-serve
bench-serve: all $(CROWD) ## 1,000 live clients, 10,000 broadcasts beside a real relay: tick lag, CPU, memory (root, cargo)
	@relay="$(RELAY)"; [ -n "$$relay" ] || relay=$$(tests/relay/build-relay | tail -n 1); \
	load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat CROWD=$(CROWD) RELAY="$$relay" LOAD="$$load" exec bench/serve $(SERVE_ARGS)

# ---- house --------------------------------------------------------------------------------------

C_FILES = $(filter-out %/vmlinux.h,$(wildcard $(foreach d,include user bpf bench tests/fixture tests/flood tests/unit tests/fuzz tests/vm \
	tests/serve tests/bpf tests/bpf/include/bpf,$(d)/*.[ch])))
SCRIPTS = $(shell grep -lsE '^\#!.*\b(ba)?sh\b' .ci/* packaging/* vmlinux/* tests/* tests/*/* bench/* 2> /dev/null || true)
PYTHONS = $(shell grep -lsE '^\#!.*\bpython3' .ci/* packaging/* page/* vmlinux/* tests/* tests/*/* bench/* 2> /dev/null || true) \
	$(wildcard vmlinux/*.py tests/*/*.py)

# One stamp a file of the program. The analyzer is given a quarter of its usual budget: it finds the same
# in a third of the time.
TIDY := $(USER_SRCS:%.c=$(B)/tidy/%.ok)
# The skeleton is bpftool's; it frees by libbpf, into which the analyzer doesn't see.
$(B)/tidy/user/programs.ok: TIDY_FLAGS := --checks=-clang-analyzer-unix.Malloc
$(TIDY): $(B)/tidy/%.ok: %.c $(wildcard user/*.h include/*.h) .clang-tidy | $(SKEL)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet $(TIDY_FLAGS) $< -- $(C_FLAGS) \
		-Xclang -analyzer-config -Xclang max-nodes=60000 2> $@.err || { cat $@.err >&2; exit 1; }
	@touch $@

.PHONY: lint
lint: ## formatting of C and what clang-tidy finds in it; shell and Python scripts
	$(call say,LINT,C)
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(TIDY)
	$(call say,LINT,shell)
	$(Q)for f in $(SCRIPTS); do bash -n $$f; done
	$(Q)if command -v shellcheck > /dev/null; then shellcheck $(SCRIPTS); \
		else echo '  (shellcheck is not installed: syntax only)'; fi
	$(call say,LINT,Python)
	$(Q)PYTHONPYCACHEPREFIX=$(B)/pycache python3 -m py_compile $(sort $(PYTHONS))
	@echo '4 passed, 0 failed, 0 skipped'

.PHONY: fmt
fmt: ## format the C sources in place
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

# Made of what the program itself declares.
WORDS := $(B)/packaging
$(WORDS)/declared.json: $(B)/moqstat
	@mkdir -p $(@D)
	$(Q)$< config --list --json > $@

$(WORDS)/moqstat.8: KIND := man
$(WORDS)/moqstat.bash: KIND := bash
$(WORDS)/_moqstat: KIND := zsh
$(WORDS)/moqstat.conf: KIND := conf
$(addprefix $(WORDS)/,moqstat.8 moqstat.bash _moqstat moqstat.conf): $(WORDS)/declared.json \
		packaging/words packaging/moqstat.8.in packaging/moqstat.conf.in
	$(call say,WORDS,$@)
	$(Q)packaging/words $(KIND) $(VERSION) < $< > $@

$(WORDS)/%.service: packaging/%.service Makefile
	@mkdir -p $(@D)
	$(Q)sed 's,@BINDIR@,$(PREFIX)/bin,' $< > $@

.PHONY: words
words: $(addprefix $(WORDS)/,moqstat.8 moqstat.bash _moqstat moqstat.conf moqstat.service moqstat@.service) ## the manual page, completions, units and a configuration file

SYSCONFDIR ?= /etc
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/lib/systemd/system,$(PREFIX)/lib/systemd/system)

.PHONY: install
install: all words ## install under DESTDIR and PREFIX: program, manual, completions, units; settings under SYSCONFDIR
	install -D -m 755 $(B)/moqstat $(DESTDIR)$(PREFIX)/bin/moqstat
	install -D -m 644 $(WORDS)/moqstat.8 $(DESTDIR)$(PREFIX)/share/man/man8/moqstat.8
	install -D -m 644 $(WORDS)/moqstat.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/moqstat
	install -D -m 644 $(WORDS)/_moqstat $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_moqstat
	for unit in moqstat.service moqstat@.service; do \
		install -D -m 644 $(WORDS)/$$unit $(DESTDIR)$(UNITDIR)/$$unit; done
	install -D -m 644 docs/guide.md $(DESTDIR)$(PREFIX)/share/doc/moqstat/guide.md
	for file in prometheus/moqstat.rules.yml prometheus/prometheus.yml grafana/moqstat.json; do \
		install -D -m 644 packaging/$$file $(DESTDIR)$(PREFIX)/share/moqstat/$$file; done
	install -D -m 644 packaging/moqstat.socket $(DESTDIR)$(UNITDIR)/moqstat.socket
	[ -e $(DESTDIR)$(SYSCONFDIR)/moqstat/moqstat.conf ] || \
		install -D -m 644 $(WORDS)/moqstat.conf $(DESTDIR)$(SYSCONFDIR)/moqstat/moqstat.conf

.PHONY: deb
deb: deps ## a Debian package in build/deb
	@packaging/build-deb $(B)/deb $(VERSION)

# The same, but for where it looks for its libraries, and theirs: that is what RPATH does and RUNPATH doesn't.
$(B)/tarball/moqstat: $(USER_SRCS:%.c=$(B)/%.o)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HARDEN_LD) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/../lib' $(LDFLAGS) $^ $(LIBS) -o $@

.PHONY: tarball
tarball: $(B)/tarball/moqstat words ## a tarball for any x86-64 Linux with a glibc as new as this one, in build/tarball/out
	@packaging/build-tarball $(B)/tarball/moqstat $(WORDS) $(B)/tarball/out $(VERSION)

.PHONY: sbom
sbom: $(B)/moqstat ## the libraries that are linked, and those that they need: package, version, licence (SPDX)
	@packaging/libraries $(B)/moqstat

.PHONY: package
package: deps ## the package and the tarball, built twice, installed in a fresh Debian, run, removed (root, cargo, network)
	@$(MAKE) --no-print-directory -j$(JOBS) all words $(B)/tarball/moqstat
	@tests/run $(RELAY_STEPS) $(PACKAGE_SUITE)

.PHONY: clean
clean: ## remove build/
	rm -rf $(B)

.PHONY: help
help: ## this list
	@echo 'make [TARGET] [V=1]'
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12
