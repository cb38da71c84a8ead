#!/usr/bin/env bash
# Creates what is missing of r2, and nothing twice. Options: --env staging|production, --dry-run, --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec node tools/run.mjs deploy/index.ts r2 "$@"
