# How tests and benches are built and run, and what lint looks at; part of the Makefile.

check_flags := $(shell pkg-config --cflags check 2>/dev/null)
check_libs := $(shell pkg-config --libs check 2>/dev/null || echo -lcheck)
support = $(call objects,$(wildcard tests/support/*.c $(if $(COVERAGE),tests/coverage/*.c)))
# A C library without libcheck, a cross compiler's or musl, gets a runner of ours; what depends on
# libcheck's own symbols, or on another compiler, is left out there.
check_program = '$(hash)include <check.h>\nint main(void) { return suite_create("") == 0; }\n'
foreign := $(if $(shell printf $(check_program) | $(CC) $(check_flags) -x c - -o /dev/null \
    $(check_libs) > /dev/null 2>&1 && echo found),,foreign)
ifneq ($(foreign),)
check_flags := -Itests/check
check_libs := -lm
support += $(base)/obj/tests/check/check.o
# The kernel's headers, where the C library's folder has none.
ifneq ($(shell $(CC) -E -include linux/filter.h -x c /dev/null > /dev/null 2>&1 || echo missing),)
check_flags += -idirafter $(base)/kernel
$(base)/flags: | $(base)/kernel/asm
$(base)/kernel/asm:
	@mkdir -p $(@D)
	ln -sf /usr/include/linux /usr/include/asm-generic $(@D)
	ln -sfn /usr/include/$(machine)-linux-gnu/asm $@
endif
endif
# Another machine's programs are emulated (Debian: qemu-user).
ifneq ($(machine),$(shell uname -m))
UNDER ?= qemu-$(machine) -L /usr/$(shell $(CC) -dumpmachine)
endif

# One program a file: unit tests see the library's internals, api and stress tests do not.
unit = $(call names,tests/unit)
public = $(call names,tests/api) $(call names,tests/stress)
# The parts of examples/web_server; fuzz targets, on their corpus: of its parsers, of addresses, of
# programs of calls. One is a file, and those beside it whose names begin with its name and a _.
web_server = $(call objects,$(filter-out %/main.c,$(wildcard examples/web_server/*.c)))
parsers = $(filter %/request.o %/path.o %/range.o %/date.o,$(web_server))
http = $(call names,tests/http)
fuzz = $(patsubst %/,$(BUILD)/%,$(wildcard tests/fuzz/*/))
fuzzers = $(fuzz:$(BUILD)/tests/fuzz/%=$(BUILD)/fuzzers/%)
fuzz_objects = $(call objects,$(wildcard tests/fuzz/$(1).c tests/fuzz/$(1)_*.c))
cxx = $(patsubst %.cpp,$(BUILD)/%_cpp,$(wildcard tests/api/*.cpp))
# Scripts that ask the compiler.
compile = $(addprefix $(BUILD)/,$(wildcard tests/compile/*))
benches = $(call names,tests/bench)
# One program of all files: calls that fail one after the other (wrapped.txt: which). The contract,
# a file that may stand beside the checkout, holds the names that programs elsewhere rely on.
faults = $(BUILD)/tests/faults/faults
contract = $(if $(wildcard ../shared/contract.c),$(BUILD)/tests/contract/contract)
contract_parts = -DPART_IO -DPART_COMPOSE -DPART_EXECUTORS

# Those that take long come first, so that nobody waits for them alone. With EXECUTORS, those for
# which it makes a difference: parsers and what asks the compiler have no shapes. Unit tests make
# their executors themselves, where they have one, and the faults strike threads that do not run in a
# task: not with EXECUTORS=run.
programs = $(if $(SANITIZE)$(VALGRIND)$(EXECUTORS)$(COVERAGE)$(foreign),,$(compile)) \
    $(if $(filter run,$(EXECUTORS)),,$(if $(foreign),,$(faults)) $(unit)) $(public) \
    $(if $(EXECUTORS)$(COVERAGE),,$(http) $(fuzz) $(if $(VALGRIND),,$(if $(foreign),,$(cxx)) $(contract)))

chosen = $(filter $(if $(T),%/$(T),$(addprefix $(BUILD)/tests/,$(addsuffix /%,$(ONLY)))),$(programs))
check: $(if $(T)$(ONLY),$(chosen),$(programs)) | $(if $(T)$(ONLY)$(EXECUTORS)$(COVERAGE),,all)
	@SANITIZE=$(SANITIZE) VALGRIND=$(VALGRIND) EXECUTORS=$(EXECUTORS) UNDER='$(UNDER)' tests/run $^
check-valgrind:
	+$(MAKE) --no-print-directory check VALGRIND=1

# Every interleaving of the protocols between threads, then every mutant of them: a minute of its own
# on two processors, and as long to compile.
model = $(BUILD)/tests/model/model
models: $(model)
	$(model)
$(model): $(call objects,$(wildcard tests/model/*.cpp))
	@mkdir -p $(@D)
	$(CXX) -pthread $(LDFLAGS) -o $@ $^

include tests/coverage/coverage.mk

# The same where the world is against them: tests/hostile/*, each a situation (T: one of them).
hostile = $(addprefix $(BUILD)/tests/hostile/,storm.so timerfd.so deny stops)
$(BUILD)/tests/hostile/%.so: tests/hostile/%.c
	@mkdir -p $(@D)
	$(CC) $(common) -std=gnu11 -fPIC -shared -o $@ $<
$(BUILD)/tests/hostile/%: tests/hostile/%.c
	@mkdir -p $(@D)
	$(CC) $(common) -std=gnu11 -o $@ $<
hostile: $(hostile) $(unit) $(public)
	@BUILD=$(abspath $(BUILD)) T='$(T)' tests/hostile/run $(unit) $(public)

# Every call that can fail, and every allocation, fails once: how many points, and survived.
faults: $(faults)
	@tests/run $(faults)
# The whole suite N times on a loaded machine.
N = 10
repeat:
	@tests/repeat $(N)

# Scripts that try the examples with real clients and servers.
tools = $(foreach file,$(wildcard tests/tools/*),$(if $(suffix $(file)),,$(file)))
check-tools: examples
	@BUILD=$(BUILD) tests/run-tools $(if $(T),$(filter %/$(T),$(tools)),$(tools))

$(base)/obj/tests/%: private c_flags += -Itests/support $(check_flags)
$(base)/obj/tests/http/% $(base)/obj/tests/fuzz/%: private c_flags += -Iexamples/web_server
$(base)/obj/tests/model/%: private cxx_flags += -Itests/model -g1

$(unit): $(BUILD)/%: $(base)/obj/%.o $(support) $(internal)
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(check_libs)
$(public): $(BUILD)/%: $(base)/obj/%.o $(support) $(library)
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(check_libs)
$(http): $(BUILD)/%: $(base)/obj/%.o $(web_server) $(support) $(library)
	@mkdir -p $(@D)
	$(link) -o $@ $^ $(check_libs)
$(foreach fuzzer,$(fuzz) $(fuzzers),$(eval $(fuzzer): $(call fuzz_objects,$(notdir $(fuzzer)))))
$(fuzz): $(base)/obj/tests/fuzz/replay.o $(parsers) $(internal)
	@mkdir -p $(@D)
	$(link) -o $@ $(filter %.o,$^) $(internal)
$(fuzzers): $(parsers) $(internal)
	@mkdir -p $(@D)
	$(link) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(internal)
wrapped = $(wildcard tests/faults/wrapped.txt)
$(faults): $(call objects,$(wildcard tests/faults/*.c)) $(support) $(internal) $(wrapped)
	@mkdir -p $(@D)
	$(link) $(patsubst %,-Wl$(comma)--wrap=%,$(shell cat /dev/null $(wrapped))) \
	    -o $@ $(filter-out $(wrapped),$^) $(check_libs)
$(cxx): $(BUILD)/%_cpp: $(base)/obj/%.o $(library)
	@mkdir -p $(@D)
	$(CXX) $(sanitizer) -pthread $(LDFLAGS) -o $@ $^
$(compile): $(BUILD)/%: % $(library)
	@mkdir -p $(@D)
	printf '#!/bin/sh\nCC="%s" LIBRARY="%s" exec %s\n' '$(CC)' '$(library)' '$<' > $@
	chmod +x $@
$(contract): ../shared/contract.c $(library) include/trale.h $(wildcard include/trale/*.h)
	@mkdir -p $(@D)
	$(link) -std=gnu11 -Wall -Wextra -Werror -Iinclude $(contract_parts) -o $@ $< $(library)

$(benches): $(BUILD)/%: $(base)/obj/%.o $(library)
	@mkdir -p $(@D)
	$(link) -o $@ $^ -lm
# A library that draws lots (src/base/lots.h), and what soaks in it: not part of check.
DURATION = 60
soak = $(BUILD)/tests/soak/soak
$(soak): $(call objects,$(wildcard tests/soak/*.c) tests/support/seed.c) $(internal)
	@mkdir -p $(@D)
	$(link) -o $@ $^
soak:
	+$(MAKE) CPPFLAGS='$(CPPFLAGS) -DTRALE_SCHEDULE_SEED' BUILD=$(BUILD)/soak \
	    $(BUILD)/soak/tests/soak/soak
	TSAN_OPTIONS="halt_on_error=1 $$TSAN_OPTIONS" $(BUILD)/soak/tests/soak/soak $(DURATION)

# New inputs that reach new code are kept in build/fuzz/NAME, those that break it in build/fuzz.
fuzz:
	$(if $(wildcard tests/fuzz/$(T)/),,$(error fuzz what? T=$(notdir $(fuzz))))
	@mkdir -p $(BUILD)/fuzz/$(T)
	+$(MAKE) CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' SANITIZE=address \
	    CPPFLAGS='$(CPPFLAGS) -DTRALE_SCHEDULE_SEED' \
	    BUILD=$(BUILD)/fuzz $(BUILD)/fuzz/fuzzers/$(T)
	$(BUILD)/fuzz/fuzzers/$(T) -max_total_time=$(DURATION) -max_len=$(max_len) -timeout=5 \
	    -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/$(T) tests/fuzz/$(T)
max_len = $(if $(filter http,$(T)),9000,1000)

bench bench-quick: $(benches) $(BUILD)/examples/web_server $(BUILD)/examples/proxy
	BUILD=$(BUILD) tests/bench/run $(if $(filter %-quick,$@),quick)
# The same workloads where the default runtime has several executors, or one that is its own reactor.
bench-shapes: $(benches)
	+for shape in 2 4 inline; do $(MAKE) EXECUTORS=$$shape bench-programs || exit; done
	BUILD=$(BUILD) tests/bench/run shapes
bench-programs: $(benches)
include tests/bench/peers.mk

c_files = $(wildcard src/*/*.[ch] include/*.h include/*/*.h examples/*.c \
    examples/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])
cxx_files = $(wildcard tests/*/*.cpp tests/*/*/*.cpp)
format:
	clang-format -i $(c_files) $(cxx_files)
lint: $(library) $(shared)
	clang-format --dry-run -Werror $(c_files) $(cxx_files)
	tests/lint/layers
	tests/lint/sizes
	tests/lint/symbols $(library) $(shared)
	@# It cannot read the address of a label.
	cppcheck -j$$(nproc) --quiet --error-exitcode=1 --inline-suppr --std=c11 --force \
	    --suppress=internalAstError:examples/stackless_echo.c \
	    --enable=warning,performance,portability -Iinclude -Isrc src examples
	printf '%s\n' $(wildcard src/*/*.c examples/*.c examples/*/*.c) | xargs -P $$(nproc) -I{} \
	    clang-tidy --quiet {} -- -std=gnu11 -Iinclude -Isrc
