#!/bin/sh
# The whole loop in small, with nothing to fetch: make edits of photos with the two small generators
# that originid carries, learn a map from one of them, index the photos, judge on both.
#
#     examples/miniature.sh PHOTOS OUT
#
# Half of the photos are for learning, half are judged. 100 photos take about five minutes of one
# core. Needs pip install '.[generate]'.
set -eu
photos=$1
out=$2
strengths=0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9

for generator in small-ddpm small-flow; do
    originid generate "$photos" -o "$out/$generator" --generator "$generator" \
        --prompts names:1 --strength "$strengths" --test 0.5
done

originid train "$out/small-ddpm/train.csv" --origins "$photos" --encoder tones+edges \
    -o "$out/model"
originid index "$photos" --into "$out/archive" --model "$out/model"
set -- "$out"/small-flow/images/*/
originid find "$1" --in "$out/archive" --top 1 || [ $? = 3 ] # 3: none has an origin

for generator in small-ddpm small-flow; do
    echo "judged on $generator, map learned from small-ddpm:"
    originid evaluate "$out/$generator/test.csv" --references "$photos" --model "$out/model"
done
