# What one does with hoist, by name: make help lists it. Building and testing need nothing but Go and make.

GO      ?= go
TARGETS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# Tools, pinned here and not in our dependency list.
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help

.PHONY: build
build: ## Build bin/hoist.
	$(GO) build -trimpath -o bin/ ./cmd/hoist

.PHONY: install
install: ## Install hoist into PREFIX/bin when PREFIX is given, else where go install puts it.
ifdef PREFIX
	$(GO) build -trimpath -o bin/ ./cmd/hoist
	install -D -m 755 bin/hoist "$(DESTDIR)$(PREFIX)/bin/hoist"
else
	$(GO) install -trimpath ./cmd/hoist
endif

.PHONY: demo
demo: ## Run the main job offline: upload, kill, resume, download, compare.
	$(GO) run ./cmd/hoist demo

# What takes long on one core comes first.
FIRST = ./transfer ./cmd/hoist/internal/owner ./watcher

.PHONY: test
test: ## Run the tests.
	$(GO) test -timeout 20m $(FIRST) ./...

# Three tiers: what .ci/run calls is what every change must pass (20 minutes on two cores); long takes up to an hour, nightly hours.

# A raced process sleeps a second at its end otherwise, and the tests start a thousand. The random histories, the whole of long
# tables, how much memory a push takes, and what shows on a disk alone are for make test.
.PHONY: race
race: ## Run the tests with the race detector (needs a C compiler).
	GORACE=atexit_sleep_ms=0 HOIST_HISTORIES=10 HOIST_SAMPLE=41 $(GO) test -race -vet=off -timeout 20m -skip '^Test(SendIsFlat|StoresThroughAMapping)$$' $(FIRST) ./...

.PHONY: long
long: ## Run the tests that take minutes.
	HOIST_LONG=1 $(GO) test -count=1 -timeout 55m -parallel 8 -run "$$(.ci/long-tests HOIST_LONG)" ./...

.PHONY: fuzz
fuzz: ## Run every fuzzer for FUZZTIME (default 5s).
	FUZZTIME=$(or $(FUZZTIME),5s) .ci/fuzz

.PHONY: mutations
mutations: ## Take each safeguard of .ci/mutations away in turn; a test must notice. MUTATION=regexp chooses.
	$(GO) run .ci/mutate.go '$(MUTATION)'

.PHONY: nightly
nightly: long mutations systemd-test ## Run the full figures: everything of long, fuzzers for minutes, then the tests that take hours.
	FUZZTIME=$(or $(FUZZTIME),5m) .ci/fuzz
	HOIST_LONG=1 HOIST_NIGHTLY=1 $(GO) test -count=1 -timeout 6h -parallel 4 -run "$$(.ci/long-tests HOIST_NIGHTLY)" ./...

.PHONY: soak
soak: ## Run the daemon under random changes, faults and kills for minutes; HOIST_SOAK_SEED, _STEPS, _KILLS choose.
	HOIST_SOAK_SEED=$(or $(HOIST_SOAK_SEED),$(shell date +%s)) HOIST_SOAK_STEPS=$(or $(HOIST_SOAK_STEPS),600) HOIST_SOAK_KILLS=$(or $(HOIST_SOAK_KILLS),150) \
		$(GO) test -count=1 -timeout 60m -run '^TestSoak$$' -v ./cmd/hoist

.PHONY: interop
interop: ## Run the public APS clients from npm against the emulator (needs node and npm).
	sh cmd/hoist/testdata/interop/run.sh

.PHONY: bench
bench: ## Run the benchmarks, each beside its bare loop, and Peers beside rclone and s5cmd; BENCH=regexp chooses.
	$(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -timeout 60m ./...

.PHONY: cross
cross: ## Build for every system into dist/.
	@set -e; for target in $(TARGETS); do \
		os=$${target%/*}; arch=$${target#*/}; out=dist/hoist-$$os-$$arch; \
		if [ $$os = windows ]; then out=$$out.exe; fi; \
		echo "$$out"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o $$out ./cmd/hoist; \
	done

.PHONY: release
release: ## Make archives, .deb, .rpm, an SBOM and checksums in dist/ (needs git and zip; RELEASE names the version).
	.ci/release

.PHONY: windows-test
windows-test: ## Run tests and the demonstration as Windows binaries under Wine (needs root and debootstrap).
	.ci/windows-test

.PHONY: systemd-test
systemd-test: ## Install the .deb in a clean Debian under a booted systemd, reboot it, remove it (needs root and systemd-nspawn).
	.ci/systemd-test

.PHONY: format
format: ## Format the code.
	gofmt -w $$(git ls-files '*.go')

.PHONY: vet
vet: ## Check formatting, go.mod, the list of mutations, and go vet for each system; make lint does that for this one.
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted (make format): $$out" >&2; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) run .ci/mutate.go -n
	@set -e; for target in $(or $(VETTED),windows/amd64 darwin/arm64); do \
		echo "vet for $$target"; GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet ./...; \
	done

.PHONY: lint
lint: ## Run the linters of .golangci.yml.
	$(GO) run $(GOLANGCI_LINT) run

.PHONY: vuln
vuln: ## Look for known vulnerabilities; "not checked" where their database cannot be reached.
	.ci/vuln $(GOVULNCHECK)

.PHONY: check
check: vet lint test ## What has to pass before a commit.

.PHONY: clean
clean: ## Remove what was built.
	rm -rf bin dist

.PHONY: help
help: ## List these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
