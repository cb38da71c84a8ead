#!/usr/bin/env bash
# Creates what is missing, deploys the one Worker that took the place of the seed's ten, and asks whether it works. Options: --env staging|production,
# --dry-run, --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec node tools/run.mjs deploy/index.ts all "$@"
