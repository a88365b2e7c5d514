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
PKG_CONFIG ?= pkg-config
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool || echo bpftool)
CFLAGS ?= -O2 -g
LDFLAGS ?=
WERROR ?= -Werror
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
# RELAY=, RELAY_DWARF=, LOAD=: a moq-relay, one with debug information, and a load client to use
# instead of building them.

# ---- sources ------------------------------------------------------------------------------------

B := build

USER_SRCS := $(sort $(wildcard user/*.c))
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
# What unit tests share: every other C file beside them.
UNIT_HELP := $(filter-out $(UNIT_SRCS),$(sort $(wildcard tests/unit/*.c)))
SKEL := $(B)/bpf/moqstat.skel.h

LIB_SRCS := $(filter-out user/main.c,$(USER_SRCS))
UNIT_NAMES := $(basename $(notdir $(UNIT_SRCS)))
UNIT_BINS := $(UNIT_NAMES:%=$(B)/tests/unit/%) $(UNIT_NAMES:%=$(B)/asan/tests/unit/%)

# ---- flags --------------------------------------------------------------------------------------

PKGS := libbpf libelf jansson zlib libcap-ng libcap-ng
# Asked of pkg-config once, and only if something is compiled: `make deps` must work without it.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PKGS)))$(PKG_LIBS)
TEST_LIBS = $(eval TEST_LIBS := $$(shell $(PKG_CONFIG) --libs cmocka))$(TEST_LIBS)
# These two have no pkg-config file.
LIBS = $(PKG_LIBS) -lZydis -liberty

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wvla $(WERROR)
# -iquote, since user/elf.h is not the system's <elf.h>.
C_FLAGS = -std=gnu11 $(CFLAGS) $(WARN) -D_GNU_SOURCE -DMOQSTAT_VERSION='"$(VERSION)"' \
	-Iinclude -iquote user -I$(B)/bpf $(PKG_CFLAGS) -MMD -MP
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
TEST_LD := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BPF_FLAGS := -target bpf -D__TARGET_ARCH_x86 -mcpu=v3 -std=gnu11 -g -O2 -Wall -Wextra -Wshadow \
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

.SECONDARY:
-include $(shell [ -d $(B) ] && find $(B) -name '*.d')

# ---- what the build needs -----------------------------------------------------------------------

# command or header or pkg-config module, and the Debian 12 package that has it
NEEDS := \
	cmd:$(CC)=gcc cmd:$(CLANG)=clang-19 cmd:$(BPFTOOL)=bpftool cmd:$(PKG_CONFIG)=pkg-config \
	cmd:python3=python3 cmd:objdump=binutils cmd:llvm-symbolizer-19=llvm-19 \
	pc:libbpf=libbpf-dev pc:libelf=libelf-dev pc:jansson=libjansson-dev pc:zlib=zlib1g-dev \
	pc:libcap-ng=libcap-ng-dev pc:cmocka=libcmocka-dev \
	hdr:Zydis/Zydis.h=libzydis-dev hdr:libiberty/demangle.h=libiberty-dev \
	hdr:stdio.h=libc6-dev hdr:linux/types.h=linux-libc-dev

# Only for lint and for the relay's certificates.
PACKAGES := $(sort make clang-format-19 openssl $(foreach n,$(NEEDS),$(lastword $(subst =, ,$(n)))))

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
FUZZ_SUITES := 'MOQSTAT=$(SAN) tests/fuzz/elf_hostile --base $(B)/moqstat'
CHECK_SUITES := $(UNIT_SUITES) $(GOLDEN_SUITES) $(wildcard vmlinux/check)
# Built where the first suite that needs them comes, so that a broken unit test is told of at once.
RELAY_STEPS := $(if $(RELAY),,'RELAY:=tests/relay/build-relay') $(if $(LOAD),,'LOAD:=tests/relay/build-client')
RELAY_FUZZ := 'MOQSTAT=$(SAN) tests/fuzz/elf_hostile --relay'
DWARF_SUITES := $(if $(RELAY_DWARF),,'RELAY_DWARF:=tests/relay/build-relay --debug-lines') \
	'MOQSTAT=$(B)/moqstat tests/relay/check-dwarf'
ROOT_SUITES := $(foreach s,$(wildcard tests/e2e/run tests/vm/run),'MOQSTAT=$(B)/moqstat $(s)')

.PHONY: tests-built
tests-built: $(UNIT_BINS) $(B)/moqstat $(SAN)
	@:

.PHONY: unit
unit: $(UNIT_BINS) ## unit tests, plain and sanitized; T=test_x for one of them
	@tests/run $(if $(T),$(filter %/$(T),$(UNIT_SUITES)),$(UNIT_SUITES))

.PHONY: golden
golden: $(B)/moqstat $(SAN) ## recorded input against expected frames
	@tests/run $(GOLDEN_SUITES)

.PHONY: check
check: tests-built ## everything that needs neither root nor a relay
	@tests/run $(CHECK_SUITES)

.PHONY: fuzz
fuzz: $(B)/moqstat $(SAN) ## hostile input against the sanitized program
	@tests/run $(FUZZ_SUITES)

.PHONY: test
test: deps ## everything: check, fuzz, and the program beside the real relay (root, cargo)
	@$(MAKE) --no-print-directory -j$(JOBS) tests-built
	@tests/run $(CHECK_SUITES) $(FUZZ_SUITES) $(RELAY_STEPS) $(ROOT_SUITES) $(RELAY_FUZZ) $(DWARF_SUITES)

.PHONY: e2e
e2e: all ## only the program beside the real relay (root, cargo)
	@tests/run $(RELAY_STEPS) $(ROOT_SUITES)

# ---- demo, bench --------------------------------------------------------------------------------

.PHONY: demo
demo: deps ## watch a relay's frames from outside beside its own (root, cargo); RELAY=binary to use yours
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@relay="$(RELAY)"; [ -n "$$relay" ] || relay=$$(tests/relay/build-relay | tail -n 1); \
	load="$(LOAD)"; [ -n "$$load" ] || load=$$(tests/relay/build-client | tail -n 1); \
	MOQSTAT=$(B)/moqstat RELAY="$$relay" LOAD="$$load" exec tests/relay/demo

BENCH := $(B)/bench/hit $(B)/bench/hit_fixture

$(B)/bench/hit_cases.o: | $(B)/bench/hit.skel.h
$(B)/bench/hit_cases.o: C_FLAGS += -I$(B)/bench

$(B)/bench/hit: $(B)/bench/hit.o $(B)/bench/hit_cases.o $(B)/bench/hit_ours.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/bench/hit_fixture: $(B)/bench/hit_fixture.o
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) $^ -o $@

.PHONY: bench
bench: $(BENCH) ## nanoseconds a hit: no probe, an empty program, ours (root)
	@$(B)/bench/hit --fixture $(B)/bench/hit_fixture $(BENCH_ARGS)

# ---- house --------------------------------------------------------------------------------------

C_FILES = $(filter-out %/vmlinux.h,$(wildcard $(foreach d,include user bpf bench tests/unit tests/fuzz,$(d)/*.[ch])))
SCRIPTS = $(shell grep -lsE '^\#!.*\b(ba)?sh\b' .ci/* vmlinux/* tests/* tests/*/* bench/* 2> /dev/null || true)
PYTHONS = $(shell grep -lsE '^\#!.*\bpython3' .ci/* vmlinux/* tests/* tests/*/* bench/* 2> /dev/null || true) \
	$(wildcard vmlinux/*.py tests/*/*.py)

.PHONY: lint
lint: ## formatting of C; shell and Python scripts
	$(call say,LINT,C)
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	$(call say,LINT,shell)
	$(Q)for f in $(SCRIPTS); do bash -n $$f; done
	$(Q)if command -v shellcheck > /dev/null; then shellcheck $(SCRIPTS); \
		else echo '  (shellcheck is not installed: syntax only)'; fi
	$(call say,LINT,Python)
	$(Q)PYTHONPYCACHEPREFIX=$(B)/pycache python3 -m py_compile $(sort $(PYTHONS))

.PHONY: fmt
fmt: ## format the C sources in place
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

.PHONY: install
install: all ## install the program under DESTDIR and PREFIX
	install -D -m 755 $(B)/moqstat $(DESTDIR)$(PREFIX)/bin/moqstat
	$(if $(wildcard docs/moqstat.8),install -D -m 644 docs/moqstat.8 $(DESTDIR)$(PREFIX)/share/man/man8/moqstat.8)

.PHONY: clean
clean: ## remove build/
	rm -rf $(B)

.PHONY: help
help: ## this list
	@echo 'make [TARGET] [V=1]'
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12
