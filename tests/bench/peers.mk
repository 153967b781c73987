# The programs of tests/bench/peers do the same with other libraries; part of the Makefile. Each
# is left out where its package is missing, which `make bench` says.

peer = $(if $(2),$(BUILD)/tests/bench/peers/$(1),$(if $(filter bench,$(MAKECMDGOALS)),\
    $(info $(1): skipped, $(3) not installed)))
peers = $(BUILD)/tests/bench/peers/raw $(BUILD)/tests/bench/peers/pthreads \
    $(call peer,libuv,$(wildcard /usr/include/uv.h),libuv1-dev is) \
    $(call peer,libev,$(wildcard /usr/include/ev.h),libev-dev is)

bench: $(peers)

$(BUILD)/obj/tests/bench/peers/%: private cxx_flags += -std=c++20
$(BUILD)/tests/bench/peers/libuv: private libraries = -luv
$(BUILD)/tests/bench/peers/libev: private libraries = -lev
$(BUILD)/tests/bench/peers/%: $(BUILD)/obj/tests/bench/peers/%.o
	@mkdir -p $(@D)
	$(CXX) $(CFLAGS) -pthread $(LDFLAGS) -o $@ $^ $(libraries)
