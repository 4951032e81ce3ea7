# `make` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export LC_ALL := C.UTF-8

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r t d; do printf 'make %-15s %s\n' "$$t" "$$d"; done

lab: ## build the whole path on this machine and query both databases through it
	@lab/preflight
	@$(PYTHON) lab/up

lab-down: .venv/installed ## remove the lab's machines, networks and files; its images stay (make clean removes them)
	@[ "$$(id -u)" -eq 0 ] || { echo "It removes networks and machines: run sudo make lab-down"; exit 1; }
	@python -m lab.world --stop
	@ansible-playbook -i inventories/lab lab/destroy.yml >build/lab-down.log || { tail -n 20 build/lab-down.log; exit 1; }
	@rm -rf build/lab build/lab.log build/lab.json build/lab-down.log
	@echo "The lab is gone. Its images stay for the next one; make clean removes them."

test: ## everything that CI runs
	@tests/all

lint: .venv/installed ## style, documentation, shell scripts
	ruff check
	ruff format --check
	shellcheck lab/preflight lab/aws/up lab/images/build lab/images/customize lab/images/overlay/usr/local/sbin/lab-boot \
		roles/onprem_tunnel_host/files/try-forwards roles/proxy_vm/files/end-revoked-sessions tests/all tests/molecule tests/sanity tests/aws_hub/run tests/databricks .ci/run
	ansible-lint
	# It copies what Git knows of the folder that amazon.aws is in: the virtual environment is no part of this repository.
	GIT_CEILING_DIRECTORIES=$(CURDIR)/.venv antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
	antsibull-changelog lint

sanity: .venv/installed ## the ecosystem's own tests of the modules and filters
	tests/sanity

unit: .venv/installed ## tests that need no machine
	pytest --numprocesses=2 --dist=loadfile -m "not measures"
	pytest -m measures

test-hub: .venv/installed ## the hub's role against an AWS of its own, on this machine
	tests/aws_hub/run

test-databricks: .venv/installed ## the same for Databricks, and its modules with the oldest SDK
	tests/databricks

molecule: .venv/installed lab-images ## each role on machines of its own
	tests/molecule

drill: lab ## every fault in turn on the lab, measured: a table, build/drill.json, build/drill.png (FAULT=name,… ROUNDS=n)
	@python -m benchmarks.drill $(if $(FAULT),--fault $(FAULT)) $(if $(ROUNDS),--rounds $(ROUNDS))

test-lab: lab ## the lab from end to end
	pytest tests/lab

clean: lab-down ## remove the lab, its images and the Python environment
	podman image rm --ignore $(addprefix localhost/onprem-tunnel-,debian12 debian13 services)
	rm -rf .venv build *.egg-info

lab-images:
	@lab/preflight
	@lab/images/build

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable '.[dev]'
	@mkdir -p build
	@touch $@

.PHONY: help lab lab-down test lint sanity unit test-hub test-databricks molecule test-lab drill clean lab-images
