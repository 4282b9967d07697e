# make          build the app and bin/kith, with the app inside
# make run      the same, then start it and print its address; RUN='...' adds flags of `kith serve`
# make test     install what the tests need and run all of them
# make check    only what needs no browser and no waiting: format, vet, staticcheck, types, size
# make conformance URL=... CREDENTIALS=file.json    ask any Solid server what the specifications ask of it
#               SERVER=kith or SERVER=css starts and asks one of its own; ONLY=TEXT asks only some cases
# make webrtc   a pod to which friends' phones connect directly, bin/kith-webrtc: its tests, and what it weighs
# make browsers the app in Firefox and in WebKit, which it installs where it can (minutes)
# make fuzz     every fuzz target for FUZZTIME (30s); COUNT=1000000 is so many inputs each, TARGETS='FuzzRange ...' only some
# make torture  the properties again, over very many random worlds; kills and failures at every system call (hours)
# make s3       backups against an S3 server that checks signatures, which it fetches
# make bench    every benchmark, into docs/performance.md; BENCHTIME=1x runs each once
# make release  programs for every system, checksums.txt and its signature, into bin/release; KEY=FILE signs (else it
#               says that it is unsigned), FROM=URL is where the programs look for updates
# make machines the program elsewhere, as far as it is here: arm64 and armv7 in QEMU, Windows in Wine, a container in
#               docker by docker-compose.yml, a booted systemd (as root)
# make image    an OCI image of the program, bin/kith.tar, made without a container engine; MACHINE=arm64 is another's
# make clean    remove what was built

SHELL       := bash
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s
COUNT       ?=
TARGETS     ?=
RUN         ?=
URL         ?=
CREDENTIALS ?=
SERVER      ?=
ONLY        ?=
KEY         ?=
FROM        ?=
MACHINE     ?= amd64

app := pwa/packed/index.html.gz
# npm writes this file last, so it is also the mark of a complete install.
modules := pwa/node_modules/.package-lock.json
solid   := conformance/apps/node_modules/.package-lock.json

export CGO_ENABLED = 0

.PHONY: all kith run test check clean fuzz bench conformance
all: kith

# The go command knows itself what has changed. Nothing of the checkout but the
# version goes into the binary, so that the same source makes the same bytes.
kith: $(app)
	go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/kith ./cmd/kith

# The folders are named too, so that a removed file is seen.
$(app): $(modules) $(shell find pwa/src pwa/public pwa/build) $(wildcard pwa/*.ts pwa/*.html pwa/*.json)
	cd pwa && npm run --silent build

$(modules): pwa/package.json pwa/package-lock.json
	cd pwa && npm ci
	touch $@

$(solid): conformance/apps/package.json conformance/apps/package-lock.json
	cd conformance/apps && npm ci
	touch $@

run: kith
	bin/kith serve $(RUN)

# Suites: each can be run alone.
checks := fmt vet staticcheck types unit size
.PHONY: needs $(checks) systems twice gotest race e2e apps css

test: needs
	@tools/suites kith $(checks) twice gotest race e2e apps css

check:
	@tools/suites kith $(checks) systems

needs:
	@tools/install

fmt:
	@files=$$(find . -name '*.go' -not -path '*/node_modules/*' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$files" ]; then printf 'not in gofmt format:\n%s\n' "$$files" >&2; exit 1; fi

vet:
	go vet ./...

# The other systems, for which a machine without a cache compiles everything anew.
systems:
	GOOS=windows go vet ./...
	GOOS=darwin go vet ./...

staticcheck:
	go run $(STATICCHECK) ./...

types: $(modules)
	cd pwa && npm run --silent check

unit: $(modules)
	cd pwa && npm run --silent test

# What the app and the program weigh.
size: kith
	cd pwa && npm run --silent size
	@weight=$$(wc -c <bin/kith); echo "bin/kith: $$weight of 20000000 bytes"; [ "$$weight" -le 20000000 ]

# The same source makes the same app, wherever it lies.
twice: $(modules)
	cd pwa && npm run --silent twice

gotest: $(app)
	go test -timeout 20m ./...

# The race detector needs cgo.
race: $(app)
	CGO_ENABLED=1 go test -race -timeout 20m $$(tools/guarded)

# SHOTS=1 keeps a picture of every screen in pwa/shots, on phone and desktop, in light and dark.
e2e: kith needs
	cd pwa && npm run --silent e2e

# What is still missing after this is named by the tests that it skips.
.PHONY: browsers
browsers: kith
	-@tools/install firefox-esr webkit2gtk-driver gir1.2-webkit2-4.1 gjs xvfb
	cd pwa && npm run --silent browsers

# Libraries that nobody here wrote, against the binary and against another Solid server.
apps: kith $(modules) $(solid)
	cd conformance/apps && npm run --silent check && npm run --silent test

# The control of the conformance suite: a run against Community Solid Server
# has to find exactly what is known of it.
css: $(solid)
	SOLID_MODULES=$(CURDIR)/conformance/apps/node_modules go test -count=1 ./conformance/solid -run CSS -v

conformance: $(if $(filter kith,$(SERVER)),$(app)) $(if $(filter css,$(SERVER)),$(solid))
	@go run ./conformance/run $(if $(SERVER),-server $(SERVER)) $(if $(URL),-url $(URL)) $(if $(CREDENTIALS),-credentials $(CREDENTIALS)) $(if $(ONLY),-only $(ONLY))

# Tests of what only this build has; those of everything else run without the tag.
.PHONY: webrtc
webrtc: $(app) $(modules)
	go vet -tags webrtc ./...
	go build -tags webrtc -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/kith-webrtc ./cmd/kith
	go test -tags webrtc -count=1 ./internal/server -run 'Direct|Offer|Descri|Connection|Frame|ReadsNothing|Gathering'
	cd pwa && KITH_BINARY=$(CURDIR)/bin/kith-webrtc npm run --silent webrtc
	@weight=$$(wc -c <bin/kith-webrtc); echo "bin/kith-webrtc: $$weight of 26000000 bytes"; [ "$$weight" -le 26000000 ]

.PHONY: torture
torture: $(app)
	go test -count=1 -timeout 3h ./conformance/torture -v -torture.every 1 -torture.rounds 100
	go test -count=1 -timeout 3h ./acl -run WholeMatrix -trees 100000
	go test -count=1 -timeout 1h ./internal/server -run TwinsCannot -twins 100
	go test -count=1 -timeout 1h ./sync -run NonInterference -seeds 100
	go test -count=1 -timeout 1h ./relay -run Killed -v -kill-messages 100000 -kill-every 500ms
	ulimit -n 32768; go test -count=1 -timeout 1h ./relay -run ManySockets -v -sockets 10000
	go test -count=1 -timeout 1h ./conformance -run SlowConnections -v -slow 10000
	go test -count=1 -timeout 1h ./tools/release -run Twice -systems linux/amd64,linux/arm64,linux/arm,darwin/amd64,darwin/arm64,windows/amd64

# What is missing is named by the tests that are skipped.
.PHONY: machines
machines: $(app)
	go test -count=1 -timeout 30m ./conformance/machines -v -machines

# The date is that of the source: the same source, version and key make the same bytes.
.PHONY: release
release: $(app)
	go run ./tools/release -version '$(VERSION)' -date $$(git log -1 --format=%ct) -out bin/release $(if $(FROM),-url '$(FROM)') $(if $(KEY),-key '$(KEY)')

.PHONY: image
image: $(app)
	go run ./tools/release -version '$(VERSION)' -date $$(git log -1 --format=%ct) -out bin/image -targets linux/$(MACHINE)
	go run ./tools/image -program bin/image/kith-linux-$(MACHINE:arm=armv7) -machine $(MACHINE) -version '$(VERSION)' -date $$(git log -1 --format=%ct) -out bin/kith.tar

fuzz:
	@FUZZTIME='$(FUZZTIME)' COUNT='$(COUNT)' TARGETS='$(TARGETS)' tools/fuzz

# The server stands outside of go.mod: it brings more modules than Kith has.
VERSITYGW := github.com/versity/versitygw/cmd/versitygw@v1.0.14
.PHONY: s3
s3: $(app)
	GOBIN=$(CURDIR)/bin go install $(VERSITYGW)
	KITH_VERSITYGW=$(CURDIR)/bin/versitygw go test -count=1 -v ./internal/server -run S3

bench: $(app)
	node tools/bench.mjs

clean:
	rm -rf bin pwa/node_modules pwa/shots conformance/apps/node_modules conformance/apps/logs
	find pwa/dist pwa/packed -mindepth 1 ! -name .gitkeep -delete
