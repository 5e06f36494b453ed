import pytest

from orchard.formats import (
    Code,
    Dataset,
    Docs,
    Kitfile,
    Listed,
    Model,
    ModelPart,
    Package,
    Prompt,
    generate,
    license_files,
    parse_kitfile,
    to_yaml,
)


def guess(*files: str | tuple[str, int], **options: str) -> Kitfile:
    listing = [Listed(file) if isinstance(file, str) else Listed(*file) for file in files]
    return generate(reversed(listing), license_id=options.get("license_id", ""))


def test_an_empty_directory_gives_an_empty_kitfile() -> None:
    assert guess() == Kitfile(manifest_version="1.0.0")


def test_one_model_is_named_after_its_file() -> None:
    assert guess("dir/big.model.gguf").model == Model(name="dir/big.model", path="dir/big.model.gguf")
    assert guess(".pt").model == Model(path=".pt")
    assert guess("a.b/c.onnx", "a.b/readme").model == Model(name="a.b/c", path="a.b/c.onnx")


def test_the_largest_model_is_the_model_where_it_stands_out() -> None:
    assert guess(("a.bin", 1), ("b.bin", 10), ("c.bin", 1)).model == Model(
        name="b", path="b.bin", parts=(ModelPart(path="a.bin"), ModelPart(path="c.bin"))
    )


def test_the_first_model_is_the_model_where_none_stands_out() -> None:
    assert guess(("b.pt", 10), ("a.pt", 10), ("c.pt", 11)).model == Model(
        path="a.pt", parts=(ModelPart(path="b.pt"), ModelPart(path="c.pt"))
    )
    assert guess("a.pt", "b.pt").model == Model(path="a.pt", parts=(ModelPart(path="b.pt"),))


def test_metadata_goes_with_the_model_and_is_data_without_one() -> None:
    assert guess("config.json", "m.safetensors", "vocab.txt").model == Model(
        name="m", path="m.safetensors", parts=(ModelPart(path="config.json"), ModelPart(path="vocab.txt"))
    )
    assert guess("b.yaml", "a.csv").datasets == (Dataset(path="a.csv"), Dataset(path="b.yaml"))


def test_readme_and_license_are_docs_whatever_their_suffix() -> None:
    assert guess("ReadMe.txt", "LICENSE", "notes.pdf").docs == (
        Docs(path="LICENSE", description="License file"),
        Docs(path="ReadMe.txt", description="Readme file"),
        Docs(path="notes.pdf"),
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["docs/a.py", "docs/m.pt"], Kitfile(manifest_version="1.0.0", docs=(Docs(path="docs"),))),
        (["src/a.csv"], Kitfile(manifest_version="1.0.0", code=(Code(path="src"),))),
        (["x/a.csv", "x/b.zip", "x/c.json"], Kitfile(manifest_version="1.0.0", datasets=(Dataset(path="x"),))),
        (["x/a.md", "x/b.html"], Kitfile(manifest_version="1.0.0", docs=(Docs(path="x"),))),
        (["x/a.md", "x/b.csv"], Kitfile(manifest_version="1.0.0", code=(Code(path="x"),))),
        (["x/a.csv", "x/y/b.csv"], Kitfile(manifest_version="1.0.0", code=(Code(path="x"),))),
        (["x/a.json"], Kitfile(manifest_version="1.0.0", code=(Code(path="x"),))),
        (["x/a.py"], Kitfile(manifest_version="1.0.0", code=(Code(path="x"),))),
        (["x/a.CSV"], Kitfile(manifest_version="1.0.0", code=(Code(path="x"),))),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_directory_is_what_all_its_files_are(files: list[str], expected: Kitfile) -> None:
    assert guess(*files) == expected


def test_models_of_a_directory_bring_its_metadata_along() -> None:
    kitfile = guess(("m/a.safetensors", 5), ("m/config.json", 9), ("root.json", 1))

    assert kitfile.model == Model(
        path="m/a.safetensors", parts=(ModelPart(path="m/config.json"), ModelPart(path="root.json"))
    )
    assert kitfile.code == ()


def test_models_of_a_mixed_directory_are_models_and_the_rest_is_code() -> None:
    kitfile = guess("m/a.safetensors", "m/train.py")

    assert kitfile.model == Model(name="m/a", path="m/a.safetensors")
    assert kitfile.code == (Code(path="m"),)


def test_an_unknown_file_makes_one_entry_for_everything() -> None:
    assert guess("src/a.py", "Makefile", "x/y.py").code == (Code(path="."),)


def test_more_than_five_unclear_directories_make_one_entry_for_everything() -> None:
    assert len(guess(*(f"d{number}/a.py" for number in range(5))).code) == 5
    assert guess("src/a", *(f"d{number}/a.py" for number in range(6))).code == (Code(path="."),)


def test_an_empty_directory_is_unclear() -> None:
    assert generate([Listed("empty", is_dir=True)]).code == (Code(path="empty"),)


@pytest.mark.parametrize("name", ["AGENTS.md", "chat.prompt", "system.prompt.md", "Skill.MD"])
def test_a_prompt_is_recognised_by_its_name(name: str) -> None:
    assert guess(name).prompts == (Prompt(path=name),)


def test_a_directory_with_a_skill_is_one_prompt() -> None:
    kitfile = guess("skill/SKILL.md", "skill/run.py", "skill/sub/x", "prompts/a.prompt.md", "prompts/b.prompt")

    assert kitfile == Kitfile(manifest_version="1.0.0", prompts=(Prompt(path="prompts"), Prompt(path="skill")))


def test_what_is_never_content_is_not_looked_at() -> None:
    junk = ["Kitfile", ".kitfile", ".kitignore", ".DS_Store", "x/.DS_Store", "thumbs.DB", ".git/config", ".git/x/y"]

    assert guess(*junk, "x/a.csv").datasets == (Dataset(path="x"),)
    assert guess(*junk, "x/a.csv").code == ()


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (["m.pt", "a.csv"], "model"),
        (["a.csv", "src/a"], "datasets"),
        (["src/a"], "code"),
        (["a.csv", "b.csv", "src/a"], "code"),
        (["a.csv", "b.csv"], "package"),
        ([], "package"),
    ],
)
def test_the_license_is_written_where_it_belongs(files: list[str], place: str) -> None:
    kitfile = guess(*files, license_id="MIT")

    found = {
        "package": kitfile.package.license,
        "model": kitfile.model.license if kitfile.model else "",
        "datasets": "".join(dataset.license for dataset in kitfile.datasets),
        "code": "".join(code.license for code in kitfile.code),
    }
    assert found == {key: "MIT" if key == place else "" for key in found}


def test_license_files_are_those_of_the_top_directory() -> None:
    listing = [Listed("x/LICENSE"), Listed("license.txt"), Listed("LICENSE-MIT"), Listed("LICENSES", is_dir=True)]

    assert license_files(listing) == ["LICENSE-MIT", "license.txt"]


def test_a_guess_keeps_the_package_and_can_be_packed() -> None:
    package = Package(name="a", authors=("b",), license="MIT")
    kitfile = generate(
        [Listed("m.gguf", 5), Listed("README.md"), Listed("nb/a.ipynb"), Listed("d.csv")], package=package
    )

    assert kitfile.package == package
    assert parse_kitfile(to_yaml(kitfile).encode()) == kitfile
