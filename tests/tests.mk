# SPDX-License-Identifier: GPL-2.0-only
# Tests, fuzzing, benchmark, demo, lint. Included by the Makefile.

# Unit tests of lib link lib, cJSON and CMocka alone: a kernel call in lib/ is a link error here.
UNIT_LIB := $(patsubst tests/unit/%.c,build/unit/%,$(wildcard tests/unit/lib_*.c))
# Unit tests of the plugin link its files but main(); the engine is theirs to fake.
UNIT_PLUGIN := $(patsubst tests/unit/%.c,build/unit/%,$(wildcard tests/unit/plugin_*.c))
# Unit tests of the hook link what of it and of the engine knows no kernel.
UNIT_HOOK := $(patsubst tests/unit/%.c,build/unit/%,$(wildcard tests/unit/hook_*.c))
HOOK_LIB := oci-hook/oci_state.c engine/pending.c engine/calls.c engine/tally.c engine/mistake.c engine/making.c engine/proc.c engine/confine.c engine/cgroup.c engine/limits.c
# Tests of the engine that need root and a namespace of their own.
NATIVE := $(patsubst tests/native/%.c,build/native/%,$(wildcard tests/native/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
PLUGIN_LIB := $(filter-out cni-plugin/main.c,$(PLUGIN_SRC)) engine/policy_file.c

build/unit/lib_%: build/san/tests/unit/lib_%.o $(call san,$(LIB_SRC))
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $^ -o $@ $(CJSON) -lcmocka -lm
build/unit/plugin_%: build/san/tests/unit/plugin_%.o $(call san,$(PLUGIN_LIB) $(LIB_SRC))
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $^ -o $@ $(CJSON) -lcmocka -lm
build/unit/hook_%: build/san/tests/unit/hook_%.o $(call san,$(HOOK_LIB) $(LIB_SRC))
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $^ -o $@ $(CJSON) -lcmocka -lm
build/native/%: build/san/tests/native/%.o $(call san,$(ENGINE_SRC) $(LIB_SRC))
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $^ -o $@ $(CJSON) -lcmocka -lbpf -lelf -lz -lnl-3 -lcap -lm

# Fuzzers are one clang call each: their sanitizer must have built every object.
build/fuzz/%: tests/fuzz/%.c $(LIB_SRC) $(PLUGIN_LIB) oci-hook/oci_state.c $(wildcard lib/*.h cni-plugin/*.h oci-hook/*.h tests/unit/*.h tests/fuzz/*.h) | $(CJSON) build/lib/syscall_names.h
	$(call msg,FUZZER,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(filter-out -MMD -MP -Werror,$(ALL_CFLAGS)) \
		$< $(if $(filter netconf prevresult,$*),$(PLUGIN_LIB)) $(if $(filter oci_state,$*),oci-hook/oci_state.c) $(LIB_SRC) -o $@ $(CJSON) -lm

build/tests/traffic: tests/tools/traffic.c
build/tests/killat: tests/tools/killat.c bpf/abi.h
build/tests/calls: tests/tools/calls.c
build/tests/inout: tests/tools/inout.c
build/tests/files: tests/tools/files.c
build/tests/calendar: tests/tools/calendar.c build/lib.a $(CJSON)
build/tests/traffic build/tests/calendar build/tests/killat build/tests/calls build/tests/inout build/tests/files build/bench/spawn build/bench/packet build/bench/path build/bench/pread build/bench/notify: build/.deps
	$(call msg,TOOL,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(ALL_CFLAGS) $(filter %.c %.a,$^) -o $@ $(TOOL_LIBS)
build/tests/traffic: TOOL_LIBS := -lpthread
build/tests/calls build/tests/inout: TOOL_LIBS := -lpthread -static
build/tests/files build/bench/pread: TOOL_LIBS := -static
build/tests/calendar: TOOL_LIBS := -lm
build/tests/killat: TOOL_LIBS := -lbpf -lelf -lz
build/bench/spawn: tests/bench/spawn.c
build/bench/path: tests/bench/path.c
build/bench/notify: tests/bench/notify.c
build/bench/pread: tests/bench/pread.c
build/bench/packet: tests/bench/packet.c build/lib.a build/bpf/net.skel.h $(CJSON)
build/bench/spawn: TOOL_LIBS := -lbpf -lelf -lz
build/bench/packet: TOOL_LIBS := -lbpf -lelf -lz -lm

# The plugin as another release would have built it: same code, other pins.
build/older/bpf.o: engine/bpf.c build/bpf/net.skel.h
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) $(HARDEN) $(ALL_CFLAGS) -DNET_BPF_HASH='"0123456789ab"' -c $< -o $@
build/older/faultwire: $(call obj,$(PLUGIN_SRC) $(filter-out engine/bpf.c,$(ENGINE_SRC))) build/older/bpf.o build/lib.a
	$(call msg,LINK,$@)
	$(Q)$(CC) -static-pie -Wl,--no-warnings $(HARDEN) $^ -o $@ $(STATIC_LIBS)

.SECONDARY:
.PHONY: test test-deps test-programs unit lint fuzz bench demo
test-deps:
	$(Q)scripts/deps.sh build test e2e vm
test: test-deps
	$(Q)$(MAKE) --no-print-directory -j2 test-programs
	$(Q)tests/run.sh
test-programs: all $(UNIT_LIB) $(UNIT_PLUGIN) $(UNIT_HOOK) $(NATIVE) $(FUZZERS) build/tests/traffic build/tests/killat build/tests/calendar build/tests/calls build/tests/inout build/tests/files build/bench/spawn build/older/faultwire

unit: $(UNIT_LIB) $(UNIT_PLUGIN) $(UNIT_HOOK)
	$(Q)for t in $^; do echo "# $$t"; $$t || exit 1; done

lint: | build/.deps
	$(Q)scripts/deps.sh test && scripts/lint.sh

# Each parser for FUZZ_SECONDS; findings stay in build/fuzz/<name>.crash-*
fuzz: $(FUZZERS)
	$(Q)tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZERS)

bench:
	$(Q)scripts/deps.sh build test e2e vm bench
	$(Q)$(MAKE) --no-print-directory -j2 all build/bench/spawn build/bench/packet build/bench/path build/bench/pread build/bench/notify build/tests/calls
	$(Q)tests/bench/run.sh

demo:
	$(Q)scripts/deps.sh build e2e vm
	$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)e2e/demo.sh
