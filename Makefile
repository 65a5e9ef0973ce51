# Two targets matter to a newcomer: `make demo` and `make test`. Both set up .venv by themselves.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The interpreter to build .venv with; empty: the first one on PATH that is new enough.
PYTHON ?=
# What to hand to pytest: make test ARGS="tests/images -k zstd"
ARGS ?=

# What is the same whoever looks: the interface, and the house. It waits for processors and not
# for the kernel, and so is run by two processes.
anybodys := tests/ui tests/web tests/widgets tests/test_house.py
others := $(addprefix --ignore=,$(anybodys))

python := .venv/bin/python
as_root := $(shell test "$$(id -u)" = 0 && echo yes)

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s%s\n", $$1, $$2}'

.venv/ready: pyproject.toml scripts/venv
	@scripts/venv .venv "$(PYTHON)" .

.venv/ready-dev: .venv/ready
	@scripts/venv .venv "$(PYTHON)" '.[dev]'

.PHONY: venv
venv: .venv/ready-dev ## Make .venv with everything that development needs

.PHONY: demo
demo: .venv/ready ## Open the interface on three small containers; without a terminal, as text
	@$(python) -m tuidock demo

.PHONY: packages
packages: ## Install the Debian packages that tests need (root), or name those missing
	@scripts/packages

.PHONY: test
test: .venv/ready-dev packages ## Run the whole suite; as an ordinary user, what needs no root
	@$(if $(as_root),TUIDOCK_ALONE=1) $(python) -m pytest $(or $(ARGS),$(others))
	@$(if $(ARGS),,$(python) -m pytest -n 2 --dist worksteal $(anybodys))

.PHONY: test-cgroup2
test-cgroup2: .venv/ready-dev ## Run what concerns cgroups in a small emulated machine with cgroup v2
	@scripts/cgroup2-vm $(python) $(ARGS)

.PHONY: soak
soak: .venv/ready-dev ## A thousand random lives of containers, then an audit of what is left (root)
	@TUIDOCK_LIVES=$(or $(LIVES),1000) $(python) -m pytest tests/containers/test_lives.py

.PHONY: test-user
test-user: .venv/ready-dev packages ## Run the engine's tests as an ordinary user, made for it when you are root
	@$(if $(as_root),scripts/as-user $(python),$(python) -m pytest) $(others) $(ARGS)

.PHONY: check
check: .venv/ready-dev ## Lint, types and layers, without the suite
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy
	@.venv/bin/lint-imports

.PHONY: bench
bench: .venv/ready-dev ## Measure, beside podman, docker, crun, bwrap and tar where installed
	@$(python) -m bench

.PHONY: bench-ui
bench-ui: .venv/ready-dev ## Measure the interface on a real terminal, beside lazydocker and dtop where installed
	@$(python) -m bench.ui $(ARGS)

.PHONY: figures
figures: .venv/ready-dev ## Measure tuidock's interface alone, beside the figures wanted, in five minutes (root)
	@$(python) -m bench.ui wanted

.PHONY: screenshots
screenshots: .venv/ready-dev packages ## Render the real interface on real containers into screenshots/
	@$(python) -m scripts.screenshots $(ARGS)

.PHONY: snapshots
snapshots: .venv/ready-dev ## Keep how every screen looks now; git says what differs
	@rm -f tests/ui/snapshots/*.txt
	@TUIDOCK_SNAPSHOTS=1 $(python) -m pytest -q tests/ui/test_snapshots.py

.PHONY: clean
clean: ## Remove what make made
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
