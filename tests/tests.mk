# SPDX-License-Identifier: GPL-2.0-only
# Tests, fuzzing, benchmark, demo, lint. Included by the Makefile.

# Unit tests of lib link lib, cJSON and CMocka alone: a kernel call in lib/ is a link error here.
UNIT_LIB := $(patsubst tests/unit/%.c,build/unit/%,$(wildcard tests/unit/lib_*.c))
# Unit tests of the plugin link its files but main() and the engine.
UNIT_PLUGIN := $(patsubst tests/unit/%.c,build/unit/%,$(wildcard tests/unit/plugin_*.c))
UNIT := $(UNIT_LIB) $(UNIT_PLUGIN)

build/unit/lib_%: build/san/tests/unit/lib_%.o $(call san,$(LIB_SRC))
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $^ -o $@ $(CJSON) -lcmocka -lm
build/unit/plugin_%: build/san/tests/unit/plugin_%.o $(call san,$(filter-out cni-plugin/main.c,$(PLUGIN_SRC))) $(call san,$(LIB_SRC))
	$(call msg,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SANITIZE) $^ -o $@ $(CJSON) -lcmocka -lm

.PHONY: unit
unit: $(UNIT)
	$(Q)for t in $(UNIT); do echo "# $$t"; $$t || exit 1; done
