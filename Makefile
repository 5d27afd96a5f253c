# SPDX-License-Identifier: MIT
# nng-uring: the one entry point.
#
#   make            build/libnng-uring.so, build/libnng-uring.a and build/nng-uring
#   make static     build/static/nng-uring, which needs nothing but a kernel
#   make serve      run the server; ARGS="DIR --listen 127.0.0.1:8080" goes to nng-uring serve
#   make test       all tests; TEST_ARGS="--filter=url/*" goes to Criterion, TEST_JOBS=N in parallel
#   make run-epoll  the same tests with epoll in the place of io_uring
#   make run-tls    those that talk to a server or a peer, over TLS (tests/over-tls)
#   make asan       the same tests under AddressSanitizer, LeakSanitizer and UBSan
#   make tsan       the same tests under ThreadSanitizer
#   make mutual     MUTUAL_ROUNDS (100,000) random sequences on io_uring and epoll, compared: minutes
#   make acceptance servers from the outside, with real clients (ACCEPTANCE_ARGS="curl node ...")
#   make dropin     the programs of tests/dropin, built against NNG and against this library
#   make peers      our client with nginx, Node and Python; https and WebSocket with these and others
#   make bench-micro  the programs of perf/*.cc, with NNG beside; JSON into build/bench
#   make race       random operations on random connections for RACE_SECONDS (60), plainly and
#                   under the sanitizers
#   make sim        the library in a made-up world, for SIM_SECONDS (60); SEED=n repeats one run,
#                   MINIMISE=n looks for a smaller one that fails as that does
#   make sim-faults  each allocation, system call and completion fails in turn; FAULT=name: that one
#   make sim-checks  the checks of nng-uring check against the made-up ring: verdicts as of kernels
#   make sim-mutants  errors put into the library, which the simulation must find
#   make cluster-demo  three servers behind HAProxy: restarts, a kill and a cut network under load
#   make rolling-restart  ROUNDS (50) restarts of servers under load, behind HAProxy and nginx, by --upgrade
#                   and by socket activation: what clients see (RESTART_ARGS="--rate 500 upgrade")
#   make soak       SOAK_SECONDS (3600) of good, hostile and slow clients, restarts and reloads: lost requests,
#                   memory, descriptors and threads
#   make bench      this library, its peers and the limit, in rounds: build/bench/report.html
#   make bench-quick  the same in less than five minutes
#   make fuzz       each target of tests/fuzz for FUZZ_SECONDS (60), from its corpus
#   make kernel-matrix  nng-uring check and the tests on other kernels (KERNELS="debian:6.1 ...")
#   make bare       make serve and make test in minimal Debian 12 and 13 (BARE=serve: only that)
#   make lint       layers, symbols, format, clang-tidy, cppcheck
#   make format     let clang-format rewrite the sources
#   make man        the manual pages, in build/man
#   make deps       install what building and installing needs: compiler, libraries, python3
#   make install    PREFIX=/usr/local DESTDIR=; make uninstall undoes it
#   make deb        Debian packages, in build/deb
#   make check-deb  install, use and remove them in a Debian 12 and a Debian 13 (DEB=trixie: there)
#   make abi        compare symbols, layouts and constants with the last release's (scripts/abi)
#   make clean
#
# CC=clang builds with clang; CFLAGS (-O2 -g), CPPFLAGS and LDFLAGS are yours. static, serve, test,
# asan, tsan, acceptance, dropin, peers, kernel-matrix, bare, bench, fuzz and lint install what they
# need first (scripts/install-deps).

VERSION := 0.2.0
ABI     := 1.1.0# its first number is the SONAME's; CHANGELOG.md says what these promise

PREFIX       := /usr/local
BINDIR       := $(PREFIX)/bin
LIBDIR       := $(PREFIX)/lib
INCLUDEDIR   := $(PREFIX)/include/nng-uring
FUZZ_SECONDS := 60
SIM_SECONDS  := 60
RACE_SECONDS := 60
MUTUAL_ROUNDS := 100000
ROUNDS       := 50
SOAK_SECONDS := 3600
PKG_CONFIG   := pkg-config
OBJCOPY      := objcopy

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),clang++,g++)
endif
CPUS := $(shell nproc)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(CPUS)
endif
# Tests wait more than they compute, even under ThreadSanitizer.
TEST_JOBS := $(shell expr 2 \* $(CPUS))

# ---- Variants: B is where a variant is built, SAN its sanitizers ---------------------------------

B   := build
SAN :=
OBJ := $(B)/obj-$(subst /,_,$(subst $() $(),_,$(CC)))

CFLAGS ?= $(if $(SAN),-O1,-O2) -g

STD   := -std=gnu11 -D_GNU_SOURCE
# Sanitizers make gcc warn of what is not so; the ordinary builds have every warning.
WARN  := $(if $(SAN),-w,-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# ---- What we build on ----------------------------------------------------------------------------

# Debian 13 has libllhttp. Debian 12 has none; its node-llhttp ships the C sources, which we compile in.
ifeq ($(shell $(PKG_CONFIG) --exists libllhttp 2>/dev/null && echo yes),yes)
LLHTTP_CFLAGS := $(shell $(PKG_CONFIG) --cflags libllhttp)
LLHTTP_LIBS   := $(shell $(PKG_CONFIG) --libs libllhttp)
LLHTTP_SRC    :=
LLHTTP_FOUND  := yes
else
LLHTTP_CFLAGS := -isystem /usr/share/include/llhttp
LLHTTP_LIBS   :=
LLHTTP_SRC    := $(wildcard $(addprefix /usr/share/llhttp/,api.c http.c llhttp.c))
LLHTTP_FOUND  := $(and $(LLHTTP_SRC),yes)
endif
LLHTTP_CFLAGS += -DLLHTTP_STRICT_MODE=1
URING_FOUND   := $(shell $(PKG_CONFIG) --exists liburing 2>/dev/null && echo yes)

# libcrypto knows its own providers and engines; a static program needs what it needs.
LIBS := -luring $(LLHTTP_LIBS) -lssl -lcrypto -lz -pthread

# ---- Sources -------------------------------------------------------------------------------------

find_c = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
objs   = $(patsubst %.c,$(OBJ)/%.o,$(1))

CHECK_SRC   := $(call find_c,src/check)
CMD_SRC     := $(call find_c,src/cmd) $(CHECK_SRC)
# What hands on to NNG is in libnng-uring-nng only.
NNG_SRC     := $(call find_c,src/nng)
LIB_SRC     := $(filter-out $(CMD_SRC) $(NNG_SRC),$(call find_c,src))
FUZZ_SRC    := $(wildcard tests/fuzz/*.c)
FAULT_SRC   := $(wildcard tests/fault/*.c)
FAKE_SRC    := $(wildcard tests/check/*.c)
SIM_SRC     := $(wildcard tests/sim/*.c)
SIMCHECK_SRC := $(wildcard tests/sim/checks/*.c)
DIFF_SRC    := tests/wire/differential.c
# replay.c is the main of the replay programs.
SUPPORT_SRC := $(filter-out %/replay.c,$(wildcard tests/support/*.c))
TEST_SRC    := $(filter-out $(DIFF_SRC) $(addprefix tests/,acceptance/% check/% dropin/% fault/% fuzz/% peers/% sim/% support/%),\
                 $(call find_c,tests))

LIB_OBJ     := $(call objs,$(LIB_SRC)) $(patsubst /usr/share/%.c,$(OBJ)/%.o,$(LLHTTP_SRC))
NNG_OBJ     := $(call objs,$(NNG_SRC))
CMD_OBJ     := $(call objs,$(CMD_SRC))
SUPPORT_OBJ := $(call objs,$(SUPPORT_SRC))
TEST_OBJ    := $(call objs,$(TEST_SRC))
# Of the program, what tests/cmd/ calls by itself.
TESTED_OBJ  := $(call objs,$(patsubst %,src/cmd/%.c,access_log complain log_line log_queue output))
FAULT_OBJ   := $(call objs,$(FAULT_SRC))
CHECK_OBJ   := $(call objs,$(CHECK_SRC))
FAKE_OBJ    := $(call objs,$(FAKE_SRC) $(filter %/leaks.c %/patience.c %/rand_r.c,$(SUPPORT_SRC)))
DIFF_OBJ    := $(call objs,$(DIFF_SRC))
FUZZ_OBJ    := $(call objs,$(FUZZ_SRC))
SIM_OBJ     := $(call objs,$(SIM_SRC))
SIMCHECK_OBJ := $(call objs,$(SIMCHECK_SRC))

SO      := $(B)/libnng-uring.so
PROGRAM := $(if $(CMD_SRC),$(B)/nng-uring)
STATIC  := $(B)/static/nng-uring
NNG_SO  := $(B)/libnng-uring-nng.so
LIBRARY := $(if $(SAN),,$(SO) $(NNG_SO)) $(B)/libnng-uring.a $(B)/libnng-uring-nng.a

TEST_BIN   := $(if $(TEST_SRC),$(B)/tests)
FAKE_BIN   := $(B)/tests-check
SIM_BIN    := $(if $(findstring thread,$(SAN)),,$(B)/sim $(B)/sim-checks)# their threads are none that TSan knows
FAULT_BIN  := $(if $(filter-out %/wrap.c,$(FAULT_SRC)),$(B)/tests-fault)
DIFF_BIN   := $(B)/tests-differential
REPLAY_BIN := $(patsubst tests/fuzz/%.c,$(B)/replay-%,$(FUZZ_SRC))
FUZZ_BIN   := $(patsubst tests/fuzz/%.c,$(B)/fuzz-%,$(FUZZ_SRC))

# What tests/fault/wrap.c can make fail.
WRAPPED := malloc calloc realloc strdup socket bind listen setsockopt syscall sendfile ioctl \
           pthread_create io_uring_queue_init_params epoll_create1 epoll_ctl epoll_wait eventfd \
           nu_uring_enter

# And tests/fault/openssl.c.
WRAPPED += SSL_CTX_new SSL_new BIO_new BIO_new_mem_buf SSL_CTX_set_cipher_list \
           SSL_CTX_use_cert_and_key SSL_CTX_add_client_CA SSL_CTX_set_session_id_context \
           SSL_CTX_set_num_tickets SSL_CTX_set_ex_data SSL_set_alpn_protos SSL_set1_host \
           SSL_set_ex_data SSL_set_session SSL_do_handshake SSL_read SSL_write SSL_shutdown \
           RAND_bytes EVP_MD_CTX_new EVP_DigestInit_ex EVP_DigestUpdate EVP_DigestFinal_ex \
           EVP_EncryptInit_ex EVP_DecryptInit_ex EVP_MAC_CTX_set_params X509_digest \
           PEM_read_bio_X509 PEM_read_bio_X509_AUX PEM_read_bio_PrivateKey \
           PEM_X509_INFO_read_bio X509_STORE_add_cert X509_STORE_add_crl \
           SSL_CTX_set_ciphersuites SSL_use_cert_and_key X509_new X509V3_EXT_conf_nid \
           X509_add_ext X509_set_pubkey X509_sign X509_check_private_key SSL_CTX_ctrl SSL_ctrl

# Where tests/check/fake.c stands between the checks and the kernel.
FAKED := nu_now nu_uring_open nu_uring_enter nu_uring_next nu_uring_message

# What the world of tests/sim is made of.
SIMULATED := pthread_create pthread_join pthread_sigmask \
             pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait \
             pthread_cond_timedwait pthread_cond_clockwait pthread_cond_signal \
             pthread_cond_broadcast clock_gettime clock_nanosleep getrandom syscall socket close \
             bind listen accept4 setsockopt getsockopt getsockname getpeername shutdown send sendmsg recvmsg ioctl \
             fcntl poll clock_getres getrusage getrlimit opendir open nu_cgroup_memory malloc calloc \
             realloc strdup strndup free mmap munmap stat fstat preadv2 pread sendfile nu_has nu_trace_print \
             SSL_CTX_set_tlsext_ticket_key_evp_cb eventfd eventfd_write eventfd_read \
             nu_wait_readable nu_try_readv_inline nu_peek_inline

# ---- Building ------------------------------------------------------------------------------------

.PHONY: all deps man abi deb check-deb uninstall static serve test asan tsan race mutual acceptance \
        sim sim-faults sim-checks sim-mutants dropin print-libs peers cluster-demo rolling-restart soak kernel-matrix bench \
        bench-quick bench-micro fuzz lint format install clean run-tests run-epoll run-tls \
        run-bench run-micro run-fuzz run-lint FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(LIBRARY) $(PROGRAM)

BASE_FLAGS = $(STD) -Iinclude -pthread -fPIC $(SANFLAGS) $(CPPFLAGS) $(CFLAGS)
LIB_FLAGS  = $(BASE_FLAGS) $(WARN) -iquote src -fvisibility=hidden -ftls-model=initial-exec \
             -fno-plt $(LLHTTP_CFLAGS)
CMD_FLAGS  = $(BASE_FLAGS) $(WARN) -iquote src -DNU_VERSION='"$(VERSION)"'
TEST_FLAGS = $(BASE_FLAGS) $(WARN) -iquote src -iquote tests $(LLHTTP_CFLAGS)
LINK       = $(CC) $(SANFLAGS) $(CFLAGS) $(LDFLAGS)

# A stamp changes when its text does, and what depends on it is then built again.
define stamp =
@mkdir -p $(@D)
@printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) > $@
endef
quote = '$(subst ','\'',$(1))'

$(OBJ)/flags: FORCE
ifneq ($(URING_FOUND)$(LLHTTP_FOUND),yesyes)
	@scripts/install-deps --say build
endif
	$(call stamp,$(call quote,$(shell $(CC) --version 2>/dev/null | head -n 1) $(LIB_FLAGS) $(CMD_FLAGS) \
	    $(TEST_FLAGS)))

$(B)/link: FORCE
	$(call stamp,$(call quote,$(LINK) $(LIBS) $(LIB_OBJ) $(CMD_OBJ) $(SUPPORT_OBJ) $(TEST_OBJ) \
	    $(FAULT_OBJ) $(FAKE_OBJ) $(DIFF_OBJ)))

define compile =
@mkdir -p $(@D)
@echo '  CC    $<'
@$(CC) $(1) -MMD -MP -c -o $@ $<
endef

$(OBJ)/src/cmd/%.o: src/cmd/%.c $(OBJ)/flags
	$(call compile,$(CMD_FLAGS))

$(OBJ)/src/check/%.o: src/check/%.c $(OBJ)/flags
	$(call compile,$(CMD_FLAGS))

$(OBJ)/src/cmd/site.o: $(wildcard src/cmd/site/*)

# The functions that are handed on, from the headers that declare them.
$(B)/gen/nng/forwards.h: scripts/list-forwards $(NNG_SRC) include/nng/sockets.h \
                         $(wildcard include/nng/protocol/*/*.h) include/nng/compat/nanomsg/nn.h
	@mkdir -p $(@D)
	@scripts/list-forwards $(NNG_SRC) > $@

$(OBJ)/src/nng/%.o: src/nng/%.c $(B)/gen/nng/forwards.h $(OBJ)/flags
	$(call compile,$(LIB_FLAGS) -iquote $(B)/gen -DNNG_URING_NNG)

$(OBJ)/src/%.o: src/%.c $(OBJ)/flags
	$(call compile,$(LIB_FLAGS))

$(OBJ)/tests/%.o: tests/%.c $(OBJ)/flags
	$(call compile,$(TEST_FLAGS))

# The only one that knows where the program is, so that the others' objects do not depend on it.
$(OBJ)/tests/support/child.o: private CPPFLAGS += -DNU_PROGRAM='"$(abspath $(B)/nng-uring)"'

$(OBJ)/llhttp/%.o: /usr/share/llhttp/%.c $(OBJ)/flags
	$(call compile,$(BASE_FLAGS) -w -fvisibility=hidden $(LLHTTP_CFLAGS))

# One object with every name but nng_* made local: nothing internal can leak from either library.
$(OBJ)/nng-uring.o: $(LIB_OBJ) $(B)/link
	@$(LD) -r -o $@.all $(LIB_OBJ)
	@$(OBJCOPY) --wildcard --keep-global-symbol='nng_*' $@.all $@
	@rm -f $@.all

# The same with all of NNG's API; nn_* is nanomsg's.
$(OBJ)/nng-uring-nng.o: $(LIB_OBJ) $(NNG_OBJ) $(B)/link
	@$(LD) -r -o $@.all $(LIB_OBJ) $(NNG_OBJ)
	@$(OBJCOPY) --wildcard --keep-global-symbol='nng_*' --keep-global-symbol='nn_*' $@.all $@
	@rm -f $@.all

$(B)/lib%.a: $(OBJ)/%.o
	@echo '  AR    $@'
	@rm -f $@
	@$(AR) rcs $@ $<

$(SO) $(NNG_SO): $(B)/lib%.so: $(OBJ)/%.o
	@echo '  LINK  $@.$(ABI)'
	@$(LINK) -shared -Wl,-soname,$(@F).$(firstword $(subst ., ,$(ABI))) \
	    -Wl,-z,defs,-z,relro,-z,now -o $@.$(ABI) $< $(LIBS)
	@ln -sf $(@F).$(ABI) $@.$(firstword $(subst ., ,$(ABI)))
	@ln -sf $(@F).$(ABI) $@

define link =
@echo '  LINK  $@'
@$(LINK) -o $@ $(1) $(LIBS)
endef

$(B)/nng-uring: $(CMD_OBJ) $(B)/libnng-uring.a $(B)/link
	$(call link,$(CMD_OBJ) $(B)/libnng-uring.a)

# The linker warns that getaddrinfo() may load libraries; the program sees to it that it does not.
$(STATIC): $(CMD_OBJ) $(B)/libnng-uring.a $(B)/link
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	@$(LINK) -static -s -o $@ $(CMD_OBJ) $(B)/libnng-uring.a $(LIBS) 2>$@.log || \
	    { cat $@.log >&2; exit 1; }

$(B)/tests: $(TEST_OBJ) $(TESTED_OBJ) $(SUPPORT_OBJ) $(LIB_OBJ) $(B)/link
	$(call link,$(TEST_OBJ) $(TESTED_OBJ) $(SUPPORT_OBJ) $(LIB_OBJ) -lcriterion)

$(B)/tests-fault: $(FAULT_OBJ) $(SUPPORT_OBJ) $(LIB_OBJ) $(B)/link
	$(call link,$(WRAPPED:%=-Wl,--wrap=%) $(FAULT_OBJ) $(SUPPORT_OBJ) $(LIB_OBJ) -lcriterion)

$(B)/tests-check: $(FAKE_OBJ) $(CHECK_OBJ) $(B)/link
	$(call link,$(FAKED:%=-Wl,--wrap=%) $(FAKE_OBJ) $(CHECK_OBJ) -lcriterion)

$(B)/sim: $(SIM_OBJ) $(LIB_OBJ) $(B)/link
	$(call link,$(SIMULATED:%=-Wl,--wrap=%) $(SIM_OBJ) $(LIB_OBJ))

# The checks, with other functions in the place of the kernel's, and all names but two their own: the
# library has some of the same.
$(OBJ)/checks.o: $(filter-out %/uring.o %/clock.o,$(CHECK_OBJ)) tests/sim/checks/names
	@$(LD) -r -o $@ $(filter %.o,$^)
	@objcopy --redefine-syms=tests/sim/checks/names $@
	@objcopy --keep-global-symbol=nu_checks --keep-global-symbol=nu_check_run \
	    --keep-global-symbol=nu_verdict_name $@

$(B)/sim-checks: $(SIMCHECK_OBJ) $(OBJ)/checks.o $(filter-out %/sim/main.o,$(SIM_OBJ)) $(LIB_OBJ) $(B)/link
	$(call link,$(SIMULATED:%=-Wl,--wrap=%) $(filter %.o,$^))

# The only one with another parser of HTTP in it.
$(B)/tests-differential: $(DIFF_OBJ) $(SUPPORT_OBJ) $(LIB_OBJ) $(B)/link
	$(call link,$(DIFF_OBJ) $(SUPPORT_OBJ) $(LIB_OBJ) -lhttp_parser -lcriterion)

$(B)/peers-%: $(OBJ)/tests/peers/%.o $(B)/libnng-uring.a $(B)/link
	$(call link,$< $(B)/libnng-uring.a)

# Not ours: libwebsockets alone.
$(B)/peers-lws: $(OBJ)/tests/peers/lws.o $(B)/link
	$(call link,$< -lwebsockets -lssl -lcrypto)

$(B)/acceptance-server: $(OBJ)/tests/acceptance/server.o $(B)/libnng-uring.a $(B)/link
	$(call link,$< $(B)/libnng-uring.a)

$(B)/replay-%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/support/replay.o $(LIB_OBJ) $(B)/link
	$(call link,$< $(OBJ)/tests/support/replay.o $(LIB_OBJ))

$(B)/fuzz-%: $(OBJ)/tests/fuzz/%.o $(LIB_OBJ) $(B)/link
	$(call link,-fsanitize=fuzzer $< $(LIB_OBJ))

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(NNG_OBJ) $(CMD_OBJ) $(SUPPORT_OBJ) $(TEST_OBJ) $(FAULT_OBJ) \
           $(FAKE_OBJ) $(DIFF_OBJ) $(FUZZ_OBJ) $(SIM_OBJ) $(SIMCHECK_OBJ) $(OBJ)/tests/support/replay.o $(OBJ)/tests/peers/ask.o \
           $(OBJ)/tests/peers/lws.o $(OBJ)/tests/peers/ws_fuzzed.o \
           $(OBJ)/tests/acceptance/server.o)

include perf/rules.mk

# ---- Running -------------------------------------------------------------------------------------

# What these need is installed first and looked for afterwards, hence a second make.

static:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory build/static/nng-uring

serve:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory all
	@build/nng-uring serve $(ARGS)

test:
	@scripts/install-deps test
	@$(MAKE) --no-print-directory run-tests

asan:
	@scripts/install-deps test
	@$(MAKE) --no-print-directory run-tests B=build/asan SAN=address,undefined

tsan:
	@scripts/install-deps test
	@$(MAKE) --no-print-directory run-tests B=build/tsan SAN=thread

race:
	@scripts/install-deps test
	@for san in '' address,undefined thread; do \
	    NNG_URING_RACE_SECONDS=$(RACE_SECONDS) $(MAKE) --no-print-directory run-tests \
	        B=build$${san:+/race-$$san} SAN=$$san TEST_ARGS=--filter=race/everything || exit 1; \
	done

mutual:
	@scripts/install-deps test
	@NNG_URING_MUTUAL_ROUNDS=$(MUTUAL_ROUNDS) $(MAKE) --no-print-directory run-tests \
	    TEST_ARGS='--filter=mutual/same_outcomes --timeout=3600'

sim:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory build/sim
	@SIM_SECONDS=$(SIM_SECONDS) SEED='$(SEED)' MINIMISE='$(MINIMISE)' scripts/run-sim

sim-faults:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory build/sim
	@build/sim $(if $(FAULT),--fault $(FAULT) --trace,--faults)

sim-checks:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory build/sim-checks
	@build/sim-checks

sim-mutants:
	@scripts/install-deps build
	@scripts/sim-mutants

acceptance:
	@scripts/install-deps acceptance
	@$(MAKE) --no-print-directory all build/acceptance-server build/perf/arena
	@scripts/acceptance $(ACCEPTANCE_ARGS)

# DROPIN_ARGS: --sanitize address,undefined, --sanitize thread, or --long.
dropin:
	@scripts/install-deps ci
	@$(MAKE) --no-print-directory all
	@scripts/check-dropin $(DROPIN_ARGS)

print-libs:
	@echo '$(LIBS)'

peers:
	@scripts/install-deps peers
	@$(MAKE) --no-print-directory all build/peers-ask build/peers-lws
	@scripts/check-peers
	@scripts/check-peers-tls
	@scripts/check-peers-ws
	@scripts/check-metrics
	@scripts/check-deploy

cluster-demo:
	@scripts/install-deps cluster
	@$(MAKE) --no-print-directory all
	@scripts/cluster-demo

rolling-restart:
	@scripts/install-deps cluster
	@$(MAKE) --no-print-directory all
	@scripts/rolling-restart --rounds $(ROUNDS) $(RESTART_ARGS)

soak: all
	@scripts/soak --seconds $(SOAK_SECONDS)

kernel-matrix:
	@scripts/install-deps kernels
	@$(MAKE) --no-print-directory build/static/nng-uring build/tests
	@scripts/kernel-matrix $(KERNELS)

bare:
	@scripts/install-deps bare
	@scripts/check-bare $(BARE)

bench-quick: QUICK := --quick
bench bench-quick:
	@scripts/install-deps bench
	@scripts/bench-peers
	@$(MAKE) --no-print-directory run-bench BENCH_ARGS='$(QUICK) $(BENCH_ARGS)'

bench-micro:
	@scripts/install-deps bench
	@$(MAKE) --no-print-directory run-micro

fuzz:
	@scripts/install-deps ci
	@$(MAKE) --no-print-directory run-fuzz B=build/fuzz CC=clang \
	    SAN=fuzzer-no-link,address,undefined

lint:
	@scripts/install-deps ci
	@$(MAKE) --no-print-directory run-lint

run-tests: all $(TEST_BIN) $(FAULT_BIN) $(FAKE_BIN) $(DIFF_BIN) $(REPLAY_BIN) $(SIM_BIN)
	@TEST_JOBS=$(TEST_JOBS) TEST_ARGS='$(TEST_ARGS)' \
	    scripts/run-tests $(TEST_BIN) $(FAULT_BIN) $(FAKE_BIN) $(DIFF_BIN) $(REPLAY_BIN) $(SIM_BIN) \
	    $(if $(TEST_ARGS),,unix:$(TEST_BIN) epoll:$(TEST_BIN))

# All of it with epoll in the place of io_uring; run-tests has a short pass of that.
run-epoll: all $(TEST_BIN) $(FAULT_BIN)
	@NNG_URING_BACKEND=epoll TEST_JOBS=$(TEST_JOBS) TEST_ARGS='$(TEST_ARGS)' \
	    scripts/run-tests $(TEST_BIN) $(FAULT_BIN)

# Rounds are fewer: a connection costs a handshake and a thread that speaks TLS for the test.
run-tls: all $(TEST_BIN)
	@NU_TESTS_TLS=1 NU_TESTS_SLOW=1 TEST_JOBS=$(TEST_JOBS) \
	    TEST_ARGS='$(or $(TEST_ARGS),--filter=$(shell scripts/list-suites tests/over-tls))' scripts/run-tests $(TEST_BIN)

run-bench: all $(PERF_BIN) $(MICRO)
	@scripts/bench $(BENCH_ARGS)

run-micro: $(MICRO)
	@scripts/run-micro $(MICRO)

run-fuzz: $(FUZZ_BIN)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/run-fuzz $(FUZZ_BIN)

FORMATTED = $(shell find include src tests perf -name '*.[ch]' -o -name '*.cc')

run-lint: all
	@scripts/lint-layers
	@scripts/check-symbols
	@scripts/check-headers $(STD) $(LLHTTP_CFLAGS)
	@scripts/check-abi
	@scripts/check-readme
	@scripts/check-ws-cases
	@scripts/sim-mutants --check
	@scripts/man --check $(B)/man-check
	@echo 'format'
	@clang-format --dry-run -Werror $(FORMATTED)
	@echo 'clang-tidy'
	@printf '%s\n' $(LIB_SRC) $(NNG_SRC) $(CMD_SRC) | scripts/run-tidy $(CPUS) $(STD) -Iinclude \
	    -iquote src -iquote $(B)/gen -DNNG_URING_NNG $(LLHTTP_CFLAGS) -DNU_VERSION='""'
	@echo 'cppcheck'
	@cppcheck --quiet --std=c11 -j $(CPUS) --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 -D_GNU_SOURCE \
	    -D__GNUC__=12 -DNU_VERSION='""' -DNNG_URING_NNG -Iinclude -Isrc -I$(B)/gen src

format:
	@clang-format -i $(FORMATTED)

include scripts/packaging/rules.mk

clean:
	rm -rf build
