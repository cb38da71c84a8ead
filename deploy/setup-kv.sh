#!/usr/bin/env bash
# Creates what is missing of kv, and nothing twice. Options: --env staging|production, --dry-run, --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec node tools/run.mjs deploy/index.ts kv "$@"
