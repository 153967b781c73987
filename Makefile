# make                          the library and the examples, in build/
# make run                      the timer and the UDP example
# make check [T=name]           every test, or one program; ONLY='unit api': those folders
# make check EXECUTORS=4        what depends on them, with so many in the default runtime; inline:
#                               one that is its own reactor; run: every test in a trale_run
# make check SANITIZE=address   also thread, undefined; each in build/SANITIZE
# make models                   the protocols between threads, over all interleavings, and mutants
# make check-valgrind           the tests under valgrind, in build/valgrind
# make hostile [T=situation]    the tests under signals, limits, filters, load, lost packets, ...
# make faults                   every call and every allocation fails once
# make coverage                 what of src/ the tests execute; needs gcc and gcovr
# make repeat N=200             make check so often, on a loaded machine
# make check-tools [T=name]     the examples with real clients and servers, or one script
# make fuzz T=http [DURATION=60]  seconds of looking for inputs that break a parser, or, for T=calls,
#                               the library; needs clang
# make soak [DURATION=60]       seconds of everything at once, with a ledger; TRALE_SEED=n repeats
# make lint format bench bench-quick install clean
#
# One goal is made on all processors unless -j says otherwise, here or in MAKEFLAGS; several are
# made one after the other.
#
# CC, CXX, CFLAGS, LDFLAGS, BUILD, PREFIX, DESTDIR mean the usual. WERROR=1 makes warnings errors.
ifeq ($(MAKELEVEL)$(word 2,$(MAKECMDGOALS))$(filter -j%,$(shell echo "$$MAKEFLAGS")),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
VERSION = 0.1.0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
# Sanitizers: what they are to find is found at -O1, and a third of the compiling is spared.
CFLAGS ?= -O$(if $(COVERAGE),0,$(if $(SANITIZE),1,2)) -g
# A shape is a property of one object; all others are those of the build without it.
shape = $(filter-out run,$(EXECUTORS))
base = build$(if $(SANITIZE),/$(SANITIZE))$(if $(COVERAGE),/coverage)
BUILD = $(base)$(shape:%=/executors-%)
ifeq ($(origin BUILD),command line)
base = $(BUILD)
endif

ifeq ($(origin CXX),default)
CXX = $(subst clang,clang++,$(subst gcc,g++,$(patsubst cc,c++,$(CC))))
endif

comma = ,
hash := \#
sanitizer = $(if $(SANITIZE),-fno-omit-frame-pointer -fno-sanitize-recover=undefined \
    -fsanitize=$(SANITIZE:address=address$(comma)undefined))
common = $(CPPFLAGS) $(CFLAGS) $(sanitizer) -pthread -Iinclude -Isrc -MMD -MP \
    -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)
# gcc's choice for a structure of a hundred bytes, rep stos, costs as much as spawning a task does.
memset := -mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign
memset := $(shell $(CC) $(memset) -E -x c /dev/null > /dev/null 2>&1 && echo '$(memset)')
c_flags = $(common) $(memset) -std=gnu11 -fPIC -fvisibility=hidden -ftls-model=initial-exec \
    -fstack-clash-protection -Wstrict-prototypes -Wmissing-prototypes \
    -Wconversion -Wno-sign-conversion
cxx_flags = $(common) -std=c++17
link = $(CC) $(CFLAGS) $(sanitizer) -pthread $(LDFLAGS)

# Tools that belong to the compiler: a cross compiler has its own.
machine := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
objcopy := $(shell $(CC) -print-prog-name=objcopy)
archiver := $(shell $(CC) -print-prog-name=ar)

shaped = $(if $(shape),src/core/runtime)
objects = $(patsubst %,$(base)/obj/%.o,$(filter-out $(shaped),$(basename $(1)))) \
    $(patsubst %,$(base)/obj/%-$(shape).o,$(filter $(shaped),$(basename $(1))))
names = $(patsubst $(1)/%,$(BUILD)/$(1)/%,$(basename $(wildcard $(1)/*.c)))

sources = $(wildcard src/*/*.c src/task/switch_$(machine).S)
library = $(BUILD)/libtrale.a
internal = $(BUILD)/libtrale-internal.a
shared = $(BUILD)/libtrale.so
# An example is a file, or a folder of files, one of them main.c.
folders = $(patsubst %/main.c,$(BUILD)/%,$(wildcard examples/*/main.c))
examples = $(filter-out $(absent),$(call names,examples) $(folders))
# heavy_load hashes with libmd (Debian: libmd-dev), and is left out where that is missing.
sha1 = '$(hash)include <sha1.h>\nint main(void) { return sizeof(SHA1_CTX) == 0; }\n'
absent := $(if $(shell printf $(sha1) | $(CC) -include stdint.h -include sys/types.h -x c - \
    -o /dev/null -lmd > /dev/null 2>&1 && echo found),,$(BUILD)/examples/heavy_load)
$(BUILD)/examples/heavy_load: libraries = -lmd

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all examples run check check-valgrind check-tools coverage models faults hostile soak \
    repeat fuzz lint format bench bench-quick bench-shapes bench-programs install clean FORCE

all: $(library) $(shared) examples
examples: $(examples)

# Objects. All of them depend on how they are compiled: a change of flags rebuilds.
$(base)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CXX) $(c_flags)' | cmp -s - $@ || echo '$(CC) $(CXX) $(c_flags)' > $@
$(base)/obj/%.o: %.c $(base)/flags
	@mkdir -p $(@D)
	$(CC) $(c_flags) -c -o $@ $<
$(base)/obj/%-$(shape).o: %.c $(base)/flags
	@mkdir -p $(@D)
	$(CC) $(c_flags) -DEXECUTORS_DEFAULT=$(shape:inline=0) -c -o $@ $<
$(base)/obj/%.o: %.S $(base)/flags
	@mkdir -p $(@D)
	$(CC) -g -Iinclude -Isrc -MMD -MP -c -o $@ $<
$(base)/obj/%.o: %.cpp $(base)/flags
	@mkdir -p $(@D)
	$(CXX) $(cxx_flags) -c -o $@ $<
-include $(shell find $(base)/obj -name '*.d' 2>/dev/null)

# The public archive is one object in which only trale_* is global. The internal one, for tests
# and for nobody else, keeps every name.
$(internal): $(call objects,$(sources))
	@mkdir -p $(@D)
	rm -f $@
	$(archiver) rcs $@ $^
$(library): $(call objects,$(sources))
	@mkdir -p $(@D)
	$(CC) -r -nostdlib -o $(BUILD)/trale.o $^
	$(objcopy) --localize-hidden $(BUILD)/trale.o
	rm -f $@
	$(archiver) rcs $@ $(BUILD)/trale.o
$(shared): $(call objects,$(sources))
	@mkdir -p $(@D)
	$(link) -shared -Wl,-soname,$(@F).0 -o $@ $^
	ln -sf $(@F) $@.0

$(BUILD)/examples/%: $(base)/obj/examples/%.o $(library)
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(libraries)
$(foreach folder,$(folders),$(eval $(folder): \
    $(call objects,$(wildcard $(folder:$(BUILD)/%=%)/*.c))))
$(folders): $(library)
	@mkdir -p $(@D)
	$(link) -o $@ $(filter %.o,$^) $(library)
run: $(BUILD)/examples/timer $(BUILD)/examples/udp
	$(BUILD)/examples/timer
	$(BUILD)/examples/udp

include tests/tests.mk

install: all
	install -d $(DESTDIR)$(PREFIX)/include/trale $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 include/trale.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/trale/*.h $(DESTDIR)$(PREFIX)/include/trale
	install -m 644 $(library) $(DESTDIR)$(LIBDIR)
	install -m 755 $(shared) $(DESTDIR)$(LIBDIR)/libtrale.so.$(VERSION)
	ln -sf libtrale.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libtrale.so.0
	ln -sf libtrale.so.0 $(DESTDIR)$(LIBDIR)/libtrale.so
	printf '%s\n' 'Name: trale' 'Description: asynchronous tasks for C' 'Version: $(VERSION)' \
	    'Cflags: -I$(PREFIX)/include -pthread' 'Libs: -L$(LIBDIR) -ltrale -pthread' \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/trale.pc
	$(if $(DESTDIR),,-ldconfig)

clean:
	rm -rf $(BUILD)
