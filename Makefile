# Brings pnpm and Node in the right versions, then lets tools/stack do the work. Settings go on the command line
# (`make up GATEWAYS=5`) or into the environment; tools/stack checks them.
SHELL := /bin/sh
PNPM := npx -y pnpm@12.21.0
BIN := $(CURDIR)/node_modules/.bin
STACK := node_modules/.bin/node tools/stack/src/main.ts
LAB := node_modules/.bin/node tools/lab/src/main.ts
TESTS := $(foreach n,1 2 3 4 5,test$(n)-hit test$(n)-miss)
RUNS := $(TESTS:test%=run%)
STAMP := node_modules/.spillway-installed
MANIFESTS := package.json pnpm-lock.yaml pnpm-workspace.yaml $(wildcard apps/*/package.json packages/*/package.json tools/*/package.json) k6/package.json observability/package.json

.DEFAULT_GOAL := help
.PHONY: help install up down restart-balancer reload check-routes rotate-key compose-up compose-down compose-test status metrics logs token accounts database k6 bench bench-balancer bench-cache bench-gateway bench-login soak-balancer simulate-policies benchmark-all load load-accounts stress report $(TESTS) $(RUNS) test test-packed check-api lint clean balancer gateway cache db microservice worker

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-16s %s\n", $$1, $$2 }'
	@echo '  make test3-hit        Test the stack that is up: 1 to 5 gateways, hit or miss; run3-hit starts one for it'

install: $(STAMP) ## Bring Node and every package, from the lockfile, when something changed

# On standard error, so that `make -s token` prints a token alone even the first time.
$(STAMP): $(MANIFESTS)
	@$(PNPM) install --frozen-lockfile >&2
	@touch $@

up: $(STAMP) ## Start the stack: make up GATEWAYS=5 CACHE_TTL=20s DB_LATENCY=100ms PORT_OFFSET=10000
	@$(STACK) up

down: $(STAMP) ## Stop it; the data stays
	@$(STACK) down

restart-balancer: $(STAMP) ## Have a new balancer process take over from the one that runs, without a lost connection
	@$(STACK) restart-balancer

reload: $(STAMP) ## Have every gateway read ROUTES_FILE again, without a lost request, and say what became of it
	@$(STACK) reload

check-routes: $(STAMP) ## Say what a routes file declares, or every mistake in it: make check-routes FILE=my.routes.yaml
	@cd '$(or $(PWD),.)' && '$(BIN)/node' '$(CURDIR)/apps/gateway/src/check-routes.ts' $(if $(FILE),'$(FILE)')

rotate-key: $(STAMP) ## Sign new tokens with a new key, without signing anybody out
	@$(STACK) rotate-key

compose-up: $(STAMP) ## The same in containers, with Prometheus and Grafana: make compose-up GATEWAYS=5
	@$(STACK) compose-up

compose-down: $(STAMP) ## Remove the containers, and their data
	@$(STACK) compose-down

compose-test: $(STAMP) ## Prove the stack in containers, on the Docker engine that is there
	@PATH="$(BIN):$$PATH" $(PNPM) --filter @spillway/stack test:containers

status: $(STAMP) ## Show how each service is
	@$(STACK) status

metrics: $(STAMP) ## Show what the services counted, summed over replicas: hits, latency, tasks, availability
	@$(STACK) metrics

logs: $(STAMP) ## Follow all logs until Ctrl-C
	@$(STACK) logs

token: $(STAMP) ## Print a token: make -s token, ROLE=editor make -s token
	@$(STACK) token

accounts: $(STAMP) ## Show the demo accounts and their passwords
	@$(STACK) accounts

database: $(STAMP) ## Print the URL of its PostgreSQL, password included, for psql
	@$(STACK) database

bench: $(STAMP) ## Measure hits and misses, one gateway and three, on stacks of its own: make bench DURATION=10s USERS=100
	@$(LAB) bench

bench-balancer: $(STAMP) ## Measure the balancer beside its peers: make bench-balancer PART=forwarding DURATION=10s ROUNDS=3
	@$(LAB) bench-balancer

bench-cache: $(STAMP) ## Measure the cache, part by part: make bench-cache PART=tiers DURATION=10s ROUNDS=3
	@$(LAB) bench-cache

bench-gateway: $(STAMP) ## Measure what each feature of a route costs, beside what others use: make bench-gateway DURATION=10s ROUNDS=3
	@$(LAB) bench-gateway

bench-login: $(STAMP) ## Measure whether the time of a refused sign-in tells which accounts there are, on the stack that is up
	@$(LAB) bench-login

soak-balancer: $(STAMP) ## Watch the balancer for 20 min under half of what it can do: does it keep memory, sockets, timers?
	@$(LAB) soak-balancer

simulate-policies: $(STAMP) ## Try every policy in virtual time, in worlds good and bad: make simulate-policies ENDPOINTS=100
	@$(LAB) simulate-policies

benchmark-all: bench

$(TESTS) $(RUNS): $(STAMP)
	@$(LAB) $@

load: $(STAMP) ## Ask the stack that is up: make load CLIENTS=50 REQUESTS=1000
	@$(LAB) load

load-accounts: $(STAMP) ## Make accounts for k6/scenarios/login-mix.ts: make load-accounts ACCOUNTS=100
	@$(LAB) load-accounts

stress: $(STAMP) ## Ask it for 30 s without a pause for / and for /stress-test
	@$(LAB) stress

report: $(STAMP) ## Make the report of the newest results again; RESULTS=results/... names others
	@$(LAB) report

k6: $(STAMP) ## Bring k6, the load generator, where it is missing
	@$(LAB) k6

test: $(STAMP) ## Run all tests: unit, integration, end to end
	@PATH="$(BIN):$$PATH" $(PNPM) test

test-packed: $(STAMP) ## Pack the packages that are for others, too, install them elsewhere and run their READMEs' programs
	@PATH="$(BIN):$$PATH" node .ci/packed.ts

check-api: $(STAMP) ## Try the API of a stack of its own against /openapi.json: make check-api EXAMPLES=500 SEED=1
	@PATH="$(BIN):$$PATH" node .ci/api.ts

lint: $(STAMP) ## Run all checks of the sources
	@PATH="$(BIN):$$PATH" $(PNPM) lint

clean: $(STAMP) ## Delete the state directory: data, logs, secrets
	@$(STACK) clean

balancer: $(STAMP) ## Run a balancer alone in this terminal: make balancer SPILLWAY_UPSTREAMS=http://127.0.0.1:9001, or BALANCER_FILE=
	@$(STACK) balancer

gateway: $(STAMP) ## Run a gateway alone in this terminal: make gateway PORT=5010
	@$(STACK) gateway

cache: $(STAMP) ## Run a cache service alone in this terminal: make cache PORT=5014
	@$(STACK) cache

db: $(STAMP) ## Run a db service alone in this terminal: make db PORT=5012
	@$(STACK) db

microservice: $(STAMP) ## Run a microservice alone in this terminal: make microservice PORT=5011
	@$(STACK) microservice

worker: $(STAMP) ## Run a job worker alone in this terminal: make worker PORT=5016
	@$(STACK) worker
