"""What the model cards say that no file knows: purposes, commands and limits."""

HEAD = """# Model cards

What was each model and network of the package made from, how good is it, and what is it not good at?

This page is written by `python tools/make_model_cards.py` from the packaged files and the reports in `docs/reports`. Do not edit it; its sentences are in
`tools/model_card_texts.py`. [evaluation.md](evaluation.md) says how is measured: Acc is the share of queries whose origin comes first, averaged over the queries of an
origin group and then over the groups. A group is the pairs of one origin.
"""

PURPOSE = {
    "model default": "The model that `originid index` takes by default: colours and edges, without a network.",
    "model neural": "The packaged network with edges, for `index --model neural`. It costs more time for each image.",
    "distilled": "A small network that imitates the VAE encoder of Stable Diffusion 1 and 2; the model `neural` uses it. "
    "[encoder.md](encoder.md) describes it and compares it with its teacher.",
    "xfeat": "Finds corners of a picture again, for second looks and for evidence: XFeat, by Potje and others, Apache-2.0, whose weights we changed only in form "
    "(`NOTICE`). Its authors learned it from MegaDepth and warped images of COCO. [wild.md](wild.md) says what it adds to a search. The words were learned by us from "
    "features of photos.",
    "generator": "A small diffusion model for the demo, for tests and for trying out `originid generate`; [generation.md](generation.md) describes it.",
}

MADE = {
    "model default": "originid train PAIRS.csv --origins PHOTOS -o src/originid/data/models/default",
    "model neural": "originid train PAIRS.csv --origins PHOTOS --encoder distilled+edges -o src/originid/data/models/neural",
    "distilled": "originid train PAIRS.csv --origins PHOTOS --encoder diffusers:TAESD --map structured --latents LATENTS -o TAESD_MODEL\n"
    "originid distill PHOTOS ORIGINS... --teacher diffusers:TAESD --model TAESD_MODEL --latents LATENTS -o distilled.onnx",
    "xfeat": "python tools/export_xfeat.py xfeat src/originid/data/details/xfeat.onnx\n"
    "python tools/make_detail_words.py PHOTOS -o src/originid/data/details/words.safetensors",
    "generator": "python tools/train_small_diffusion.py PHOTOS -o RUN --kind {kind} --device cuda\n"
    "cp -r RUN/packed src/originid/data/generators/{name}",
}

REPORT_COMMANDS = {
    "cross-validated": "originid evaluate PAIRS.csv --references PHOTOS --encoder {encoder} --json > 'docs/reports/{encoder}.json'",
    "held out": "originid evaluate PAIRS_2.csv --references PHOTOS --model {model} --json > docs/reports/{model}-newer-editors.json",
    "strength": "originid experiment strength -o OUT --data realpairs:FOLDER",
}

_OF_MODELS = (
    "Subjects that an editor draws anew in another composition: a vector describes a picture at fixed places. Second looks find some of what was only moved ([wild.md](wild.md)).",
    "Strong image-to-image, in which only large areas of colour are left: see `sdedit` above, and the cards of the generators.",
    "Pages that are nearly all text or one colour: there is little to tell them apart, and `show` counts them.",
    "People: a score says that pictures are alike, not that they show the same person.",
)
LIMITS: dict[str, tuple[str, ...]] = {
    "model default": _OF_MODELS,
    "model neural": (
        *_OF_MODELS,
        "Speed: the network takes most of the time of indexing small images ([performance.md](performance.md)).",
    ),
    "distilled": (
        "It is not a VAE. It has no decoder, so its latents cannot be turned back into images.",
        "It misses fine detail. Most of what it misses of the teacher are high frequencies, which edits redraw and the map leaves out.",
        "Drawings, diagrams, screenshots and text were rare among the photos that it learned from.",
        "Eight bits change its latents by 12 % of their length, which is 1 % of their variance. Processors with and without VNNI give the same latents. GPUs may differ in the last digits.",
    ),
    "xfeat": (
        "Smooth pictures without corners, such as skies and skin.",
        "Subjects that were redrawn: where no small part is left as it was, no corner is found again.",
        "Large turns: its descriptors do not turn with the picture. Views that are turned make up for quarters.",
    ),
    "generator": (
        'It follows the styles that it learned and no others, and cannot draw a new subject: "a dog" makes no dog of a cat.',
        "Fine texture: its autoencoder smooths it.",
        "It says little about large generators: the strengths at which it loses a picture are its own.",
    ),
}
