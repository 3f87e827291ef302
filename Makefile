# SPDX-License-Identifier: GPL-2.0-only
# One Makefile for the whole house; everything made goes to build/.
#   make            build/cni/faultwire (the plugin), build/faultwire-hook (the OCI hook) and build/faultwire (the operator's command)
#   make demo test bench lint fuzz install clean

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
msg = @printf '  %-8s %s\n' '$(1)' '$(2)'

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PREFIX ?= /usr/local
CNI_BIN ?= /opt/cni/bin
FUZZ_SECONDS ?= 60
VERSION := 0.1.0

HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -Wl,-z,relro,-z,now -Wl,-z,noexecstack
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -D_GNU_SOURCE -DFW_VERSION='"$(VERSION)"' -I. \
	-Ibuild -isystem build/vendor/include -isystem /usr/include/libnl3 -MMD -MP
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

LIB_SRC := $(wildcard lib/*.c lib/faults/*.c)
ENGINE_SRC := $(wildcard engine/*.c)
PLUGIN_SRC := $(wildcard cni-plugin/*.c)
CLI_SRC := $(wildcard cli/*.c)
HOOK_SRC := $(wildcard oci-hook/*.c)
obj = $(patsubst %.c,build/obj/%.o,$(1))
san = $(patsubst %.c,build/san/%.o,$(1))

CJSON := build/vendor/libcjson.a
STATIC_LIBS := $(CJSON) -lbpf -lelf -lz -lnl-3 -lcap -lpthread -lm
CLI_LIBS := $(CJSON) -lyaml -lbpf -lelf -lz -lnl-3 -lcap -lm

.PHONY: all
all: build/cni/faultwire build/faultwire build/faultwire-hook

# ---- what must be there: one message names all that is missing
.PHONY: deps
deps:
	$(Q)scripts/deps.sh build
build/.deps: scripts/deps.sh
	$(Q)mkdir -p build && { command -v dpkg-query >/dev/null || exit 0; scripts/deps.sh --check build; } && touch $@
$(CJSON): scripts/cjson.sh | build/.deps
	$(call msg,VENDOR,$@)
	$(Q)scripts/cjson.sh

# ---- kernel programs
build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) | build/.deps
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Werror -I. -I/usr/include/$(shell $(CC) -dumpmachine) -c $< -o $@
	$(Q)llvm-strip -g $@
build/bpf/%.skel.h: build/bpf/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@
	$(Q)h=$$(echo $*_bpf_hash | tr a-z A-Z); printf '#ifndef %s\n#define %s "%s"\n#endif\n' $$h $$h $$(sha256sum $< | cut -c1-12) >> $@
$(call obj,engine/bpf.c) $(call san,engine/bpf.c): build/bpf/net.skel.h
$(call obj,engine/files_bpf.c) $(call san,engine/files_bpf.c) build/arm64/engine/files_bpf.o: build/bpf/file.skel.h

# ---- the system calls of this architecture, as its headers have them
build/lib/syscall_names.h: Makefile
	$(call msg,GEN,$@)
	$(Q)mkdir -p $(@D) && echo '#include <asm/unistd.h>' | $(CC) -E -dM - | sed -n 's/^#define __NR_\([a-z_0-9]*\) .*/\1/p' | \
		grep -vxE 'syscalls|arch_specific_syscall' | LC_ALL=C sort | sed 's/.*/{ "&", __NR_& },/' > $@
$(call obj,lib/syscalls.c) $(call san,lib/syscalls.c): build/lib/syscall_names.h

# ---- objects, archives, programs
build/obj/%.o: %.c Makefile | $(CJSON)
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(HARDEN) $(ALL_CFLAGS) -c $< -o $@
build/san/%.o: %.c Makefile | $(CJSON)
	$(call msg,CC-SAN,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $(ALL_CFLAGS) -c $< -o $@
build/lib.a: $(call obj,$(LIB_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^
build/engine.a: $(call obj,$(ENGINE_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^
build/cni/faultwire: $(call obj,$(PLUGIN_SRC)) build/engine.a build/lib.a
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) -static-pie -Wl,--no-warnings $(HARDEN) $^ -o $@ $(STATIC_LIBS)
build/faultwire: $(call obj,$(CLI_SRC)) build/engine.a build/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) -static-pie -Wl,--no-warnings $(HARDEN) $^ -o $@ $(CLI_LIBS)

build/faultwire-hook: $(call obj,$(HOOK_SRC)) build/engine.a build/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) -static-pie -Wl,--no-warnings $(HARDEN) $^ -o $@ $(CJSON) -lbpf -lelf -lz -lcap -lm

# The hook's sources for arm64, as far as the compiler goes: its registers and its table of system calls are others.
ARM64_CC ?= aarch64-linux-gnu-gcc
ARM64_SRC := $(LIB_SRC) $(HOOK_SRC) $(filter-out engine/bpf.c engine/ops.c engine/names.c engine/engine.c engine/env.c engine/extra.c engine/tc%,$(ENGINE_SRC))
.PHONY: arm64
arm64: $(patsubst %.c,build/arm64/%.o,$(ARM64_SRC))
	$(Q)echo "ok - $(words $^) files of the hook compile for arm64"
build/arm64/lib/syscall_names.h: Makefile
	$(Q)mkdir -p $(@D) && echo '#include <asm/unistd.h>' | $(ARM64_CC) -E -dM - | sed -n 's/^#define __NR_\([a-z_0-9]*\) .*/\1/p' | \
		grep -vxE 'syscalls|arch_specific_syscall' | LC_ALL=C sort | sed 's/.*/{ "&", __NR_& },/' > $@
build/arm64/%.o: %.c build/arm64/lib/syscall_names.h Makefile | $(CJSON)
	$(call msg,ARM64,$<)
	$(Q)mkdir -p $(@D) && $(ARM64_CC) -O1 -Ibuild/arm64 $(ALL_CFLAGS) -idirafter /usr/include -c $< -o $@

.PHONY: install
install: all
	install -D -m 0755 build/cni/faultwire $(DESTDIR)$(CNI_BIN)/faultwire
	install -D -m 0755 build/faultwire $(DESTDIR)$(PREFIX)/bin/faultwire
	install -D -m 0755 build/faultwire-hook $(DESTDIR)$(PREFIX)/libexec/faultwire-hook
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/faultwire config/*

include tests/tests.mk

.PHONY: clean
clean:
	rm -rf build

-include $(shell find build -name '*.d' -type f 2>/dev/null)
