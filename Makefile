# What a newcomer and the continuous integration call. `make help` lists it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

SWIFT_MINIMUM := 6.3
SAMPLE := build/firmware/hello.elf
# Packages of Debian that the build needs, by the file that shows that one is there.
CAPSTONE_HEADER := /usr/include/capstone/capstone.h
# What the benchmarks compare with.
EMULATORS := bochs bochsbios bochs-term grub-common grub-pc-bin xorriso mtools qemu-system-x86
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
SOURCES := Package.swift Sources Tests Examples $(wildcard Benchmarks)

.PHONY: help run build firmware test guests docs bench bench-compare benchmarks fuzz format lint clean \
  dependencies swift

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

run: build firmware ## Build, and boot the first sample hypervisor.
	.build/release/vmxlab run --stats $(SAMPLE)

build: dependencies ## Build the release: .build/release/vmxlab.
	swift build -c release --product vmxlab --omit-frame-pointers

firmware: swift ## Build the sample hypervisors: build/firmware/NAME.elf.
	@$(MAKE) --no-print-directory -C firmware

guests: swift
	@$(MAKE) --no-print-directory -C firmware guests

test: dependencies firmware guests ## Run every test.
	swift build --build-tests
	swift test --skip-build

# SEED and MINUTES choose; without SEED it is the time of day.
FUZZ_TESTS := HostDifferentialTests|GuestFuzzTests|NonRootFuzzTests|PagingMatrixTests|SegmentMatrixTests|CachedTranslationTests
fuzz: dependencies firmware guests ## Run random tests for a while: make fuzz SEED=1 MINUTES=10.
	swift build --build-tests
	@seed=$(or $(SEED),$$(date +%s)); echo "SEED=$$seed MINUTES=$(or $(MINUTES),10)"; \
	VMXLAB_FUZZ_SEED=$$seed VMXLAB_FUZZ_SECONDS=$$(($(or $(MINUTES),10) * 60)) \
	  swift test --skip-build --filter '$(FUZZ_TESTS)'

# WORKLOADS=names restricts both, such as WORKLOADS="loop vmx".
bench: build firmware benchmarks ## Count host instructions and allocations of each workload.
	@$(call install,valgrind,valgrind)
	@Benchmarks/.build/release/benchmarks count $(WORKLOADS)

bench-compare: build firmware benchmarks ## Compare the speed with Bochs and QEMU.
	@$(call install,bochs grub-mkrescue xorriso qemu-system-x86_64,$(EMULATORS))
	@Benchmarks/.build/release/benchmarks compare $(if $(ROUNDS),--rounds $(ROUNDS)) $(WORKLOADS)

benchmarks: swift
	@swift build -c release --package-path Benchmarks

docs: build ## Write the pages of docs/ that are made from the sources: controls, checks, instructions.
	.build/release/vmxlab cpus --markdown > docs/vmx-controls.md.new
	mv docs/vmx-controls.md.new docs/vmx-controls.md
	.build/release/vmxlab explain --rules > docs/entry-checks.md.new
	mv docs/entry-checks.md.new docs/entry-checks.md
	.build/release/vmxlab cpus --instructions > docs/instructions.md.new
	mv docs/instructions.md.new docs/instructions.md

format: ## Format every Swift file in place.
	swift format --in-place --parallel --recursive $(SOURCES)

lint: ## Check the format of every Swift file.
	swift format lint --strict --parallel --recursive $(SOURCES)

clean: ## Remove everything that is built.
	swift package clean
	rm -rf build Benchmarks/.build

# install PROGRAMS,PACKAGES: installs the packages if a program is missing. Without apt-get, or if it
# fails, who needs the program says so.
define install
for program in $(1); do \
  command -v $$program >/dev/null || { \
    command -v apt-get >/dev/null && { \
      echo "Installing $(2)"; \
      $(SUDO) apt-get update -q && \
      $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(2); \
    }; \
    break; \
  }; \
done
endef

# Installs what is missing; does nothing, and asks for no password, if nothing is.
dependencies: swift
	@test -e $(CAPSTONE_HEADER) || pkg-config --exists capstone 2>/dev/null || { \
	  command -v apt-get >/dev/null || { \
	    echo "make: Capstone is missing: install its development files (libcapstone-dev)" >&2; exit 1; }; \
	  echo "Installing libcapstone-dev"; \
	  $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy libcapstone-dev; }

swift:
	@command -v swift >/dev/null || { \
	  echo "make: swift is missing: install Swift $(SWIFT_MINIMUM) or later from https://www.swift.org/install" >&2; \
	  exit 1; }
	@version=$$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | sed 1q); \
	  test "$$(printf '%s\n' "$(SWIFT_MINIMUM)" "$$version" | sort -V | sed 1q)" = "$(SWIFT_MINIMUM)" || { \
	  echo "make: Swift $(SWIFT_MINIMUM) or later is needed, this is $${version:-of an unknown version}" >&2; \
	  exit 1; }
