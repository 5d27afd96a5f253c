# SPDX-License-Identifier: MIT
# How the programs of perf/ are built. Part of the Makefile.

# ---- What is measured -----------------------------------------------------------------------------

PEERS     := build/peers
PEER_LIBS := $(firstword $(wildcard $(PEERS)/root/usr/lib/*-linux-gnu*))
PERF_BIN  := $(addprefix $(B)/perf/,load handshakes ref_uring ref_epoll ref_recv ref_echo server \
               arena ws_server \
               $(if $(wildcard $(PEERS)/nng.version),peer_nng peer_arena) \
               $(if $(wildcard $(PEERS)/libwebsockets.version),peer_lws) \
               $(if $(wildcard $(PEERS)/libh2o.version),peer_h2o))

$(B)/perf/handshakes: perf/handshakes.c
$(B)/perf/load: $(addprefix perf/,load.c heads.c options.c reply.c hist.c usage.c)
$(B)/perf/ref_uring $(B)/perf/ref_epoll $(B)/perf/ref_recv $(B)/perf/ref_echo: $(B)/perf/%: perf/%.c perf/ref.c
$(B)/perf/server $(B)/perf/peer_nng: perf/server.c
$(B)/perf/peer_h2o $(B)/perf/peer_lws: $(B)/perf/%: perf/%.c
$(B)/perf/ws_server: perf/ws_server.c
$(B)/perf/arena $(B)/perf/peer_arena: perf/arena.c
$(B)/perf/server $(B)/perf/arena $(B)/perf/ws_server: $(SO)

$(B)/perf/server $(B)/perf/arena $(B)/perf/ws_server: PERF_FLAGS = -Iinclude -L$(B) -Wl,-rpath,$(abspath $(B)) -lnng-uring
$(B)/perf/peer_%: PERF_FLAGS = -isystem $(PEERS)/root/usr/include -L$(PEER_LIBS) \
                               -Wl,-rpath-link,$(PEER_LIBS)
$(B)/perf/peer_nng $(B)/perf/peer_arena: PERF_FLAGS += -lnng
$(B)/perf/peer_h2o: PERF_FLAGS += -lh2o-evloop -lssl -lcrypto
$(B)/perf/peer_lws: PERF_FLAGS += -lwebsockets -lssl -lcrypto
$(B)/perf/load $(B)/perf/ref_uring $(B)/perf/ref_echo: PERF_FLAGS = -luring
$(B)/perf/handshakes: PERF_FLAGS = -lssl -lcrypto

$(PERF_BIN): $(wildcard perf/*.h)
	@mkdir -p $(@D)
	@echo '  PERF  $@'
	@$(CC) $(STD) $(WARN) -O2 -g -o $@ $(filter %.c,$^) $(PERF_FLAGS) -pthread

# ---- Microbenchmarks: perf/*.cc, on google-benchmark ---------------------------------------------

MICRO := $(addprefix $(B)/perf/,write exchange stream aio parse mask)

CXX_FLAGS = -std=gnu++17 -D_GNU_SOURCE -pthread $(SANFLAGS) $(CPPFLAGS) $(CFLAGS) -iquote src \
            $(filter-out -Wstrict-prototypes -Wmissing-prototypes,$(WARN)) $(LLHTTP_CFLAGS)
LINK_CXX  = $(CXX) $(SANFLAGS) $(CFLAGS) $(LDFLAGS)

# NNG: what `make bench` has unpacked, or else what is installed.
NNG_ROOT  := $(wildcard build/peers/root/usr)
NNG_DIR   := $(if $(NNG_ROOT),$(abspath $(wildcard $(NNG_ROOT)/lib/*-linux-gnu)))
NNG_FLAGS := $(NNG_ROOT:%=-isystem %/include)
NNG_LIBS  := $(NNG_DIR:%=-L% -Wl,-rpath,%) -lnng
ifneq ($(wildcard $(or $(NNG_ROOT),/usr)/include/nng/nng.h),)
MICRO     += $(addprefix $(B)/perf/,write_nng exchange_nng stream_nng)
endif

$(OBJ)/perf/flags: FORCE
	$(call stamp,$(call quote,$(shell $(CXX) --version | head -n 1) $(CXX_FLAGS) $(LINK_CXX) \
	    $(NNG_FLAGS) $(NNG_LIBS)))

define compile_cxx =
@mkdir -p $(@D)
@echo '  CXX   $<'
@$(CXX) $(1) $(CXX_FLAGS) -MMD -MP -c -o $@ $<
endef

$(OBJ)/perf/%.o: perf/%.cc $(OBJ)/perf/flags
	$(call compile_cxx,-Iinclude)

$(OBJ)/perf/nng/%.o: perf/%.cc $(OBJ)/perf/flags
	$(call compile_cxx,$(NNG_FLAGS))

define link_cxx =
@mkdir -p $(@D)
@echo '  LINK  $@'
@$(LINK_CXX) -o $@ $(filter %.o %.a,$^) -lbenchmark
endef

perf_objs = $(patsubst %,$(OBJ)/perf/%.o,$(1))

$(B)/perf/write: $(call perf_objs,write write_bare meter peer) $(B)/libnng-uring.a
	$(link_cxx) $(LIBS)

$(B)/perf/exchange: $(call perf_objs,exchange meter peer) $(B)/libnng-uring.a
	$(link_cxx) $(LIBS)

$(B)/perf/stream: $(call perf_objs,stream meter peer) $(B)/libnng-uring.a
	$(link_cxx) $(LIBS)

$(B)/perf/aio $(B)/perf/parse $(B)/perf/mask: $(B)/perf/%: $(OBJ)/perf/%.o $(OBJ)/perf/meter.o $(LIB_OBJ)
	$(link_cxx) $(LIBS)

$(B)/perf/write_nng $(B)/perf/exchange_nng $(B)/perf/stream_nng: $(B)/perf/%_nng: $(OBJ)/perf/nng/%.o \
        $(call perf_objs,nng/meter nng/peer)
	$(link_cxx) $(NNG_LIBS)

$(B)/perf/exchange_nng: | $(B)/perf/exchange # its server

-include $(patsubst perf/%.cc,$(OBJ)/perf/%.d,$(wildcard perf/*.cc)) \
         $(patsubst perf/%.cc,$(OBJ)/perf/nng/%.d,$(wildcard perf/*.cc))
