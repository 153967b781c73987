# make coverage: the tests in several shapes, and then what of src/ none of them executed, as a table.
#
# With COVERAGE=1 the library counts what is executed, in build/coverage, and so do the unit tests,
# for they have its inline functions; `make check COVERAGE=1 T=name` adds to what is there. -O0: each
# branch is one of the source. Lots can be drawn (src/base/lots.h), and are by the soak.
ifdef COVERAGE
$(base)/obj/src/% $(base)/obj/tests/unit/%: private c_flags += --coverage -fprofile-update=atomic
override CPPFLAGS += -DTRALE_SCHEDULE_SEED
override LDFLAGS += --coverage
endif

# Every fault is tried, and a part of the stress: lines are to be executed, not worn out. The table
# comes even if a test fails.
coverage:
	@command -v gcovr > /dev/null || { echo 'coverage: needs gcovr'; exit 1; }
	@mkdir -p build/coverage && find build/coverage -name '*.gcda' -delete
	@rm -f build/coverage/failed
	+@$(MAKE) --no-print-directory check COVERAGE=1 T=faults || touch build/coverage/failed
	+@for shape in '' inline 4 run; do \
	    TEST_SCALE=20 $(MAKE) --no-print-directory check COVERAGE=1 EXECUTORS=$$shape || \
	        touch build/coverage/failed; \
	done
	+@$(MAKE) --no-print-directory COVERAGE=1 build/coverage/tests/soak/soak
	build/coverage/tests/soak/soak 10
	tests/coverage/report build/coverage
	@test ! -e build/coverage/failed
