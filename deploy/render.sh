#!/usr/bin/env bash
# The kustomize base and its components are what the chart renders with its defaults, so that they cannot differ.
#   deploy/render.sh HELM           writes them
#   deploy/render.sh HELM --check   fails if they are not what the chart renders
set -euo pipefail
cd "$(dirname "$0")/.."
helm=$1 mode=${2:-write}
namespace=cosign-system

render() {
    echo "# Made by deploy/render.sh from charts/sigward. Do not edit: change the chart."
    # The chart's comments stay; which template a document is from is of no use here.
    "$helm" template sigward charts/sigward --namespace "$namespace" --set installCRDs=false "$@" | sed '/^# Source: /d'
}

put() {
    local file=$1
    shift
    if [ "$mode" = --check ]; then
        render "$@" | diff -u "$file" - || {
            echo "$file is not what the chart renders: run deploy/render.sh" >&2
            exit 1
        }
        return
    fi
    mkdir -p "$(dirname "$file")"
    render "$@" >"$file.new"
    mv "$file.new" "$file"
}

put deploy/base/sigward.yaml
put deploy/components/pull-secrets/rbac.yaml --set rbac.pullSecrets=true --show-only templates/pull-secrets.yaml
put deploy/components/namespace-guard/policy.yaml --set namespaceGuard.enabled=true \
    --show-only templates/namespace-guard.yaml
shopt -s nullglob
for crd in deploy/crds/*.policy.sigstore.dev.yaml; do
    copy=charts/sigward/files/crds/$(basename "$crd")
    if [ "$mode" = --check ]; then
        cmp "$crd" "$copy"
    else
        cp "$crd" "$copy"
    fi
done
