"""Templates of `list --format`, held to what Go's text/template writes; test_kit_lines asks `kit` itself."""

import pytest

from orchard.cli.gotemplate import GoTemplate, Value
from orchard.errors import UsageError

FIELDS: dict[str, Value] = {"Repo": "team/x", "Tags": ("v1", "v2"), "Author": "", "Digest": "sha256:0"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.Repo}}", "team/x"),
        ("{{ .Repo }}\\t{{.Digest}}\\n", "team/x\tsha256:0\n"),
        ("{{.Tags}}", "[v1 v2]"),
        ("{{range .Tags}}{{.}};{{end}}", "v1;v2;"),
        ("{{range .Tags}}{{$.Repo}}:{{.}} {{end}}", "team/x:v1 team/x:v2 "),
        ("{{if .Author}}{{.Author}}{{else}}nobody{{end}}", "nobody"),
        ("{{with .Repo}}<{{.}}>{{end}}", "<team/x>"),
        ("{{with .Author}}{{.}}{{else}}-{{end}}", "-"),
        ("a {{- .Repo -}} b", "ateam/xb"),
        ("{{/* nothing */}}x", "x"),
        ("{{len .Tags}} {{index .Tags 1}}", "2 v2"),
        ('{{if eq .Repo "team/x"}}yes{{end}}', "yes"),
        ("{{if and .Repo (.Author)}}x{{end}}", None),
        ('{{join .Tags ","}}', "v1,v2"),
        ('{{if not .Author}}{{print .Repo "!"}}{{end}}', "team/x !"),
        ("{{range .Tags}}{{if ne . `v1`}}{{.}}{{end}}{{end}}", "v2"),
        ("no action", "no action"),
    ],
)
def test_template_when_rendered_is_as_go_writes_it(template: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(UsageError, match="--format"):
            GoTemplate(template).render(FIELDS)
        return
    assert GoTemplate(template).render(FIELDS) == expected


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{.Nothing}}", "there is no {{.Nothing}}; there are .Repo"),
        ("{{.Repo", "without its '}}'"),
        ("{{range .Tags}}", "without its {{end}}"),
        ("{{end}}", "makes no sense there"),
        ("{{else}}", "makes no sense there"),
        ("{{if .Repo}}{{else}}{{else}}{{end}}", "makes no sense there"),
        ("{{}}", "says nothing"),
        ("{{range .Repo}}{{end}}", "range needs a list"),
        ("{{index .Tags 9}}", "index .Tags 9"),
        ("{{len 3}}", "no length"),
        ("{{range .Tags}}{{.Repo}}{{end}}", "write .Repo as $.Repo"),
        ("{{.Repo.__class__}}", "there is no"),
        ("{{printf .Repo .Repo}}", "'printf' is not known"),
        ("{{range .Tags}}" * 40 + "{{end}}" * 40, "makes no sense there"),
    ],
)
def test_template_that_is_none_is_a_usage_error(template: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        GoTemplate(template).render(FIELDS)
    assert problem in str(caught.value)
