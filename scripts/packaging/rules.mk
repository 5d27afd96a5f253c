# SPDX-License-Identifier: MIT
# Manual pages, installing, packages, and what the ABI promises. Part of the Makefile.

SOVERSION := $(firstword $(subst ., ,$(ABI)))
MANDIR    := $(PREFIX)/share/man
UNITDIR   := $(PREFIX)/lib/systemd/system
BASHDIR   := $(PREFIX)/share/bash-completion/completions
ZSHDIR    := $(PREFIX)/share/zsh/site-functions
FISHDIR   := $(PREFIX)/share/fish/vendor_completions.d
CMAKEDIR   = $(LIBDIR)/cmake/nng-uring
# What programs look in that ask for NNG: CMake's nng_DIR, and a folder of pkg-config's.
NNGDIR     = $(LIBDIR)/nng-uring/nng

deps:
	@scripts/install-deps install

# ---- Manual pages and completions ----------------------------------------------------------------

MAN      := $(B)/man/made
MAN_FROM := scripts/man $(wildcard scripts/manpages/* src/cmd/man/*) CHANGELOG.md Makefile \
            $(shell find include -name '*.h')

man: $(MAN)

$(MAN): $(MAN_FROM) $(PROGRAM)
	@command -v python3 >/dev/null || scripts/install-deps --say install
	@echo '  MAN   $(@D)'
	@scripts/man $(@D)
	@touch $@

# ---- Installing ----------------------------------------------------------------------------------

in_prefix   = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
relative    = $(shell realpath -m -s --relative-to=$(1) $(2))
nng_version = $(shell sed -n 's/^\#define NNG_$(1)_VERSION //p' include/nng/nng.h)

# fill SOURCE,TARGET,VERSION: what stands between @s. The version is ours if none is given.
define fill
@mkdir -p $(dir $(DESTDIR)$(2))
sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(or $(3),$(VERSION))|' \
    -e 's|@ABI@|$(ABI)|' -e 's|@SOVERSION@|$(SOVERSION)|' -e 's|@BINDIR@|$(BINDIR)|' \
    -e 's|@LIBDIR@|$(call in_prefix,$(LIBDIR))|' \
    -e 's|@INCLUDEDIR@|$(call in_prefix,$(INCLUDEDIR))|' \
    -e 's|@LIB@|$(call relative,$(PREFIX),$(LIBDIR))|' \
    -e 's|@INCLUDE@|$(call relative,$(PREFIX),$(INCLUDEDIR))|' \
    -e 's|@LIBS@|$(strip $(LIBS))|' -e 's|@LIBS_LIST@|$(subst $() $(),;,$(strip $(LIBS)))|' \
    -e 's|@NNGDIR@|$(call in_prefix,$(NNGDIR))|' -e 's|@NNG_VERSION@|$(NNG_VERSION)|' \
    -e 's|@TO_PREFIX@|$(call relative,$(CMAKEDIR),$(PREFIX))|' \
    -e 's|@TO_CONFIG@|$(call relative,$(NNGDIR),$(CMAKEDIR))|' $(1) > $(DESTDIR)$(2)
endef

NNG_VERSION = $(call nng_version,MAJOR).$(call nng_version,MINOR).$(call nng_version,PATCH)
PACKAGING  := scripts/packaging

install: all $(MAN)
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(NNGDIR) \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3 $(DESTDIR)$(MANDIR)/man7
	install -m 755 $(B)/nng-uring $(DESTDIR)$(BINDIR)/
	install -m 644 $(B)/libnng-uring.a $(B)/libnng-uring-nng.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(SO).$(ABI) $(NNG_SO).$(ABI) $(DESTDIR)$(LIBDIR)/
	cp -P $(SO) $(SO).$(SOVERSION) $(NNG_SO) $(NNG_SO).$(SOVERSION) $(DESTDIR)$(LIBDIR)/
	cd include && find nng -name '*.h' -exec \
	    install -D -m 644 {} $(abspath $(DESTDIR)$(INCLUDEDIR))/{} \;
	$(call fill,nng-uring.pc.in,$(LIBDIR)/pkgconfig/nng-uring.pc)
	$(call fill,nng-uring-nng.pc.in,$(LIBDIR)/pkgconfig/nng-uring-nng.pc)
	$(call fill,$(PACKAGING)/nng-uring-config.cmake.in,$(CMAKEDIR)/nng-uring-config.cmake)
	$(call fill,$(PACKAGING)/version.cmake.in,$(CMAKEDIR)/nng-uring-config-version.cmake)
	$(call fill,$(PACKAGING)/nng-config.cmake.in,$(NNGDIR)/nng-config.cmake)
	$(call fill,$(PACKAGING)/version.cmake.in,$(NNGDIR)/nng-config-version.cmake,$(NNG_VERSION))
	$(call fill,$(PACKAGING)/nng.pc.in,$(NNGDIR)/nng.pc)
	$(call fill,$(PACKAGING)/nng-uring.service.in,$(UNITDIR)/nng-uring.service)
	$(call fill,$(PACKAGING)/nng-uring.socket.in,$(UNITDIR)/nng-uring.socket)
	for s in 1 3 7; do cp -P $(B)/man/man$$s/* $(DESTDIR)$(MANDIR)/man$$s/ || exit 1; done
	install -D -m 644 $(B)/man/completions/nng-uring.bash $(DESTDIR)$(BASHDIR)/nng-uring
	install -D -m 644 $(B)/man/completions/nng-uring.zsh $(DESTDIR)$(ZSHDIR)/_nng-uring
	install -D -m 644 $(B)/man/completions/nng-uring.fish $(DESTDIR)$(FISHDIR)/nng-uring.fish
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

# Takes away what this version's `make install` put there, and no more.
uninstall: $(MAN)
	rm -f $(foreach name,nng-uring nng-uring-nng,$(addprefix $(DESTDIR)$(LIBDIR)/,lib$(name).a \
	    lib$(name).so lib$(name).so.$(SOVERSION) lib$(name).so.$(ABI) pkgconfig/$(name).pc))
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/nng-uring $(UNITDIR)/nng-uring.service \
	    $(UNITDIR)/nng-uring.socket $(BASHDIR)/nng-uring \
	    $(ZSHDIR)/_nng-uring $(FISHDIR)/nng-uring.fish)
	rm -rf $(addprefix $(DESTDIR),$(INCLUDEDIR) $(CMAKEDIR) $(LIBDIR)/nng-uring)
	cd $(B)/man && rm -f $$(printf '$(abspath $(DESTDIR)$(MANDIR))/%s ' man[137]/*)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

# ---- What the ABI promises -----------------------------------------------------------------------

abi: all
	@scripts/check-abi

# ---- Debian packages -----------------------------------------------------------------------------

# Built in a copy of what git knows (or, of an unpacked tree, all but build/), with debian/ in its place.
deb:
	@scripts/install-deps deb
	@scripts/build-deb $(VERSION)

check-deb:
	@scripts/install-deps bare
	@scripts/check-deb $(DEB)
