# Thin names over cargo and scripts/. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help up test lint bench gen fuzz

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

up: ## build GigVault and start all of it on this machine
	cargo run --release --bin gigvault -- up $(ARGS)

test: ## install what the tests need, then prove everything on real components
	scripts/test

lint: ## format, rules of the tree, dependencies, clippy, documentation
	scripts/lint

bench: ## throughput, latency and memory, as ratios to baselines of the same run
	scripts/bench $(ARGS)

gen: ## write what is generated into docs/reference/
	cargo run --quiet --bin gigvault -- reference docs/reference

fuzz: ## run every fuzz target for FUZZ_SECONDS (60)
	scripts/fuzz
