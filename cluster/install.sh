#!/bin/sh
# Install raynas on a machine of a cluster, from the copy of the project that this file lies in:
#     sh install.sh [EXTRA,EXTRA]         such as: sh install.sh cluster,postgresql
# It goes to where `ray` is already, as in Ray's container images, or into ~/raynas-env. Where
# RAYNAS_ENV names a virtual environment that has everything, say on shared storage, that is used.
set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
what="$project${1:+[$1]}"

if [ -n "${RAYNAS_ENV:-}" ]; then
    environment=$RAYNAS_ENV
elif command -v ray >/dev/null; then
    python -m pip install --quiet --constraint "$project/constraints.txt" "$what"
    environment=
else
    environment=$HOME/raynas-env
    if ! [ -x "$environment/bin/pip" ]; then
        for python in python3 python3.13 python3.12 python3.11 none; do
            if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
                break
            fi
        done
        if [ "$python" = none ]; then
            echo "raynas needs Python 3.11 or newer: install one on $(hostname)" >&2
            exit 2
        fi
        "$python" -m venv "$environment"
    fi
    "$environment/bin/pip" install --quiet --constraint "$project/constraints.txt" "$what"
fi
if [ -n "$environment" ]; then
    line="export PATH=\"$environment/bin:\$PATH\""
    grep -qsxF "$line" ~/.bashrc || echo "$line" >> ~/.bashrc
    PATH="$environment/bin:$PATH"
fi
# A driver that is too old for torch's CUDA build would only show when trials fail.
if nvidia-smi >/dev/null 2>&1 && ! python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'
then
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)
    cuda=$(python -c 'import torch; print(torch.version.cuda)')
    echo "torch sees no GPU on $(hostname): its build for CUDA $cuda does not work with NVIDIA's" \
        "driver $driver; use an image with a newer driver, or install torch's build for an older CUDA" >&2
    exit 2
fi
