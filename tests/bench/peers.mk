# The programs of tests/bench/peers do the same with other libraries; part of the Makefile. Each
# is left out where its package is missing, which `make bench` says.

peer = $(if $(2),$(BUILD)/tests/bench/peers/$(1),$(if $(filter bench,$(MAKECMDGOALS)),\
    $(info $(1): skipped, $(3) not installed)))
registry = /usr/share/cargo/registry
cargo := $(and $(wildcard $(registry)/tokio-1*),$(shell command -v cargo))
go := $(shell command -v go)
asio := $(wildcard /usr/include/boost/asio.hpp)
peers = $(BUILD)/tests/bench/peers/raw $(BUILD)/tests/bench/peers/splice \
    $(BUILD)/tests/bench/peers/pthreads \
    $(call peer,st,$(wildcard /usr/include/st.h),libst-dev is) \
    $(call peer,libuv,$(wildcard /usr/include/uv.h),libuv1-dev is) \
    $(call peer,libev,$(wildcard /usr/include/ev.h),libev-dev is) \
    $(call peer,asio,$(asio),libboost-dev is) \
    $(call peer,asio-coro,$(asio),libboost-dev is) \
    $(call peer,tokio,$(cargo),librust-tokio-dev or cargo is) \
    $(call peer,go,$(go),golang-go is) \
    $(if $(go),$(BUILD)/tests/bench/peers/fileserver)

bench: $(peers)

$(base)/obj/tests/bench/peers/%: private cxx_flags += -std=c++20
$(BUILD)/tests/bench/peers/st: private libraries = -lst
$(BUILD)/tests/bench/peers/libuv: private libraries = -luv
$(BUILD)/tests/bench/peers/libev: private libraries = -lev
$(BUILD)/tests/bench/peers/%: $(base)/obj/tests/bench/peers/%.o
	@mkdir -p $(@D)
	$(CXX) $(CFLAGS) -pthread $(LDFLAGS) -o $@ $^ $(libraries)

go_peers = $(patsubst tests/%.go,$(BUILD)/tests/%,$(wildcard tests/bench/peers/*.go))
$(go_peers): $(BUILD)/%: %.go
	@mkdir -p $(@D)
	GOCACHE=$(abspath $(BUILD)/go) GO111MODULE=off go build -o $@ $<

# Debian has the sources of tokio in a folder that stands in for the registry. Built in a copy,
# for cargo writes beside Cargo.toml.
tokio = $(BUILD)/tokio
$(BUILD)/tests/bench/peers/tokio: tests/bench/peers/tokio.rs tests/bench/peers/tokio.toml
	@mkdir -p $(@D) $(tokio)/src
	cp tests/bench/peers/tokio.rs $(tokio)/src/main.rs
	cp tests/bench/peers/tokio.toml $(tokio)/Cargo.toml
	cargo build --quiet --release --offline --manifest-path $(tokio)/Cargo.toml \
	    --target-dir $(tokio)/target --config 'source.crates-io.replace-with = "debian"' \
	    --config 'source.debian.directory = "$(registry)"'
	cp $(tokio)/target/release/tokio-peer $@
