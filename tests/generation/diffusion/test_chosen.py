"""A generator from a file of settings."""

from pathlib import Path

import pytest

from originid.errors import InputError
from originid.generation.diffusion.chosen import choose


def test_a_file_of_settings_names_a_folder_beside_it(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    (tmp_path / "mine.json").write_text('{"generator": "model", "guidance": 3}')
    generator = choose(str(tmp_path / "mine.json")).generator
    assert generator.source == str((tmp_path / "model").resolve())
    assert (generator.name, generator.guidance) == ("mine", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected a JSON file"),
        ("[]", "it holds a list"),
        ("{}", "states nothing"),
        ('{"seed": 1}', "states seed"),
        ('{"generator": "sd2", "sede": 1}', "seed, batch"),
        ('{"generator": 2}', "generator = 2"),
        ('{"generator": "sd2", "seed": -1}', "at least 0"),
        ('{"generator": "sd2", "seed": true}', "seed = True"),
        ('{"generator": "sd2", "batch": 0}', "at least 1"),
        ('{"generator": "sd2", "steps": 2.5}', "whole number"),
        ('{"generator": "sd2", "guidance": NaN}', "the number NaN"),
        ('{"generator": "sd2", "size": 100}', "multiple of 8"),
        ('{"generator": "sd2", "options": []}', "an object"),
        ('{"generator": "sd-2"}', "did you mean sd2"),
    ],
)
def test_odd_files_of_settings_are_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        choose(str(file))
