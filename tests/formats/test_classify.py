import pytest

from orchard.formats import (
    Code,
    Dataset,
    Docs,
    Kitfile,
    Listed,
    MCPServer,
    Model,
    ModelPart,
    Package,
    Prompt,
    Skill,
    generate,
    license_files,
    parse_kitfile,
    read_skill,
    skill_files,
    to_yaml,
)


def guess(*files: str | tuple[str, int], **options: str) -> Kitfile:
    listing = [Listed(file) if isinstance(file, str) else Listed(*file) for file in files]
    depth = int(options.get("depth", "0"))
    return generate(reversed(listing), license_id=options.get("license_id", ""), depth=depth)


def test_an_empty_directory_gives_an_empty_kitfile() -> None:
    assert guess() == Kitfile(manifest_version="1.0.0")


def test_one_model_is_named_after_its_file() -> None:
    assert guess("dir/big.model.gguf").model == Model(name="dir/big.model", path="dir/big.model.gguf")
    assert guess(".pt").model == Model(path=".pt")
    assert guess("a.b/c.onnx", "a.b/readme").model == Model(name="a.b/c", path="a.b/c.onnx")
    assert guess("x-pytorch_model-1.bin").model == Model(name="x-pytorch_model-1", path="x-pytorch_model-1.bin")
    assert guess("training_args.bin").code == (Code(path="training_args.bin"),)


def test_the_largest_model_is_the_model_where_it_stands_out() -> None:
    assert guess(("a.pt", 1), ("b.pt", 10), ("c.pt", 1)).model == Model(
        name="b", path="b.pt", parts=(ModelPart(path="a.pt"), ModelPart(path="c.pt"))
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
        (["docs/a.py", "docs/m.pt"], Kitfile(manifest_version="1.0.0", docs=(Docs(path="docs/"),))),
        (["src/a.csv"], Kitfile(manifest_version="1.0.0", code=(Code(path="src/"),))),
        (["x/a.csv", "x/b.zip", "x/c.json"], Kitfile(manifest_version="1.0.0", datasets=(Dataset(path="x/"),))),
        (["x/a.md", "x/b.html"], Kitfile(manifest_version="1.0.0", docs=(Docs(path="x/"),))),
        (["x/a.md", "x/b.csv"], Kitfile(manifest_version="1.0.0", code=(Code(path="x/"),))),
        (["x/a.csv", "x/y/b.csv"], Kitfile(manifest_version="1.0.0", code=(Code(path="x/"),))),
        (["x/a.json"], Kitfile(manifest_version="1.0.0", code=(Code(path="x/"),))),
        (["x/a.py"], Kitfile(manifest_version="1.0.0", code=(Code(path="x/"),))),
        (["x/a.CSV"], Kitfile(manifest_version="1.0.0", code=(Code(path="x/"),))),
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
    assert kitfile.code == (Code(path="m/"),)


def test_up_to_five_unknown_files_are_code_of_their_own_and_more_are_one_entry() -> None:
    few, many = [f"f{number}" for number in range(5)], [f"f{number}" for number in range(6)]
    assert guess("src/a.py", *few).code == (Code(path="src/"), *(Code(path=name) for name in few))
    assert guess("src/a.py", *many).code == (Code(path="src/"), Code(path="."))


def test_each_unclear_directory_is_code_of_its_own() -> None:
    assert len(guess(*(f"d{number}/a.py" for number in range(9))).code) == 9


def test_an_empty_directory_is_unclear() -> None:
    assert generate([Listed("empty", is_dir=True)]).code == (Code(path="empty/"),)


@pytest.mark.parametrize(
    ("depth", "code", "datasets"),
    [
        (0, ["a/"], []),
        (1, ["a/b/", "a/x.py"], ["a/t.csv"]),
        (2, ["a/b/c/", "a/b/y.py", "a/x.py"], ["a/b/u.csv", "a/t.csv"]),
        (3, ["a/b/c/d/", "a/b/y.py", "a/x.py"], ["a/b/c/v.csv", "a/b/u.csv", "a/t.csv"]),
    ],
)
def test_depth_says_how_many_levels_are_sorted_file_by_file(depth: int, code: list[str], datasets: list[str]) -> None:
    files = ["a/x.py", "a/t.csv", "a/b/y.py", "a/b/u.csv", "a/b/c/v.csv", "a/b/c/d/z.py"]
    kitfile = guess(*files, depth=str(depth))
    assert sorted(entry.path for entry in kitfile.code) == sorted(code)
    assert sorted(entry.path for entry in kitfile.datasets) == sorted(datasets)


def test_many_unknown_files_of_a_deeper_directory_are_one_entry() -> None:
    assert guess(*(f"a/f{number}" for number in range(6)), depth="1").code == (Code(path="a/"),)


def test_an_mcp_bundle_is_a_server_with_a_name_of_its_own() -> None:
    kitfile = guess("tools.mcpb", "more/tools.mcpb", "more/other.mcpb", "mixed/x.mcpb", "mixed/x.json")
    assert kitfile.mcp_servers == (
        MCPServer(name="tools", path="tools.mcpb"),
        MCPServer(name="x", path="mixed/x.mcpb"),
        MCPServer(name="other", path="more/other.mcpb"),
        MCPServer(name="more/tools.mcpb", path="more/tools.mcpb"),
    )
    assert kitfile.code == (Code(path="mixed/"),)
    assert parse_kitfile(to_yaml(kitfile).encode()) == kitfile


@pytest.mark.parametrize("name", ["AGENTS.md", "Claude.md", "chat.prompt", "system.prompt.md"])
def test_a_prompt_is_recognised_by_its_name(name: str) -> None:
    assert guess(name).prompts == (Prompt(path=name),)


def test_a_directory_with_a_skill_is_one_prompt() -> None:
    kitfile = guess("skill/SKILL.md", "skill/run.py", "skill/sub/x", "prompts/a.prompt.md", "prompts/b.prompt")

    assert kitfile == Kitfile(manifest_version="1.0.0", prompts=(Prompt(path="prompts/"), Prompt(path="skill")))


SKILL = "---\nname: reads\ndescription: >\n  Reads\n  digits\nlicense: MIT\nx: [1]\n---\n# Reads\n"


def test_a_skill_says_what_it_is() -> None:
    assert read_skill(SKILL) == Skill("reads", "Reads digits", "MIT")
    assert read_skill(SKILL.replace("\n", "\r\n")) == Skill("reads", "Reads digits", "MIT")


@pytest.mark.parametrize(
    "text", ["", "# x", "---\n", "---\nname: x", "---\n- a\n---", "---\nname: [\n---\n", "---\na: 1\na: 2\n---\n"]
)
def test_a_skill_without_sound_front_matter_says_nothing(text: str) -> None:
    assert read_skill(text) == Skill()


def test_a_skill_in_the_top_directory_is_the_whole_kit() -> None:
    kitfile = generate([Listed("SKILL.md"), Listed("run.py"), Listed("m.gguf")], skills={"SKILL.md": read_skill(SKILL)})
    assert kitfile == Kitfile(
        manifest_version="1.0.0",
        package=Package(name="reads", description="Reads digits", license="MIT"),
        prompts=(Prompt(name="reads", path=".", description="Reads digits"),),
    )


def test_a_skill_names_the_package_where_there_is_nothing_else() -> None:
    skills = {"s/SKILL.md": read_skill(SKILL)}
    alone = generate([Listed("s/SKILL.md"), Listed("s/run.py")], skills=skills)
    assert alone.package == Package(name="reads", description="Reads digits", license="MIT")
    mixed = generate([Listed("s/SKILL.md"), Listed("m.gguf")], skills=skills, package=Package(name="mine"))
    assert mixed.package == Package(name="mine", license="MIT")
    assert mixed.prompts == (Prompt(name="reads", path="s", description="Reads digits"),)


def test_skill_files_are_found_at_every_level() -> None:
    listing = [Listed("a/b/Skill.MD"), Listed("SKILL.md"), Listed("skill.md.txt"), Listed("d/SKILL.md", is_dir=True)]
    assert skill_files(listing) == ["a/b/Skill.MD", "SKILL.md"]


def test_what_is_never_content_is_not_looked_at() -> None:
    junk = ["Kitfile", ".kitfile", ".kitignore", ".DS_Store", "x/.DS_Store", "thumbs.DB", ".git/config", ".git/x/y"]

    assert guess(*junk, "x/a.csv").datasets == (Dataset(path="x/"),)
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
