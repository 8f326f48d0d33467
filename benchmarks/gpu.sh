#!/usr/bin/env bash
# Check extraction, training, distillation and generation on CUDA in half precision against the CPU
# in single precision, and print the ratios of their times. It takes under 8 minutes.
#
# usage: bash benchmarks/gpu.sh [VAE_FOLDER]     a folder of an autoencoder of diffusers; without it,
#                                                one with random weights
#        bash benchmarks/gpu.sh --cpu            the same with the CPU in the place of the GPU
#
# The exit status is 0 if all is well, 1 if a ranking differs, and 77 if there is no CUDA. It needs
# the extras vae, train and generate, which it installs with pip if they are missing, and no other
# network. It uses what the package carries: 41 photos, 8 edits, two small generators.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import accelerate, diffusers, onnxscript, pytorch_metric_learning, originid' 2>/dev/null; then
  "$python" -m pip install --quiet '.[vae,train,generate]'
fi
exec timeout 480 "$python" benchmarks/gpu.py "$@"
