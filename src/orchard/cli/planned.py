"""What ``pack --dry-run`` shows: layers and files, before anything is read."""

from typing import TYPE_CHECKING

from orchard.cli.output import Printer, format_size

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Plan


def show_plans(printer: Printer, plans: "list[Plan]", tag: str | None) -> None:
    """Write what would be packed."""
    size = sum(plan.size for plan in plans)
    lines = [line for plan in plans for line in plan_lines(plan)]
    lines.append(f"Would pack {len(plans)} layers, {format_size(size)}")
    value: JSON = {
        "dryRun": True,
        "reference": tag,
        "digest": None,
        "config": None,
        "new": None,
        "size": size,
        "sizeText": format_size(size),
        "layers": [_value(plan) for plan in plans],
    }
    printer.result("\n".join(lines), value, brief="\n".join(plan_paths(plan) for plan in plans if plan.files))


def plan_paths(plan: "Plan") -> str:
    """Name the files of a planned layer, one a line."""
    return "\n".join(one_line(entry.name) for entry in plan.entries if not entry.is_directory)


def plan_lines(plan: "Plan") -> "list[str]":
    """Describe a planned layer and its files."""
    files = [entry for entry in plan.entries if not entry.is_directory]
    head = f"{plan.label}: {len(files)} files, {format_size(plan.size)}, {plan.media_type}"
    return [head, *(f"  {one_line(entry.name)}  {format_size(entry.size)}" for entry in files)]


def one_line(name: str) -> str:
    """Escape what would break out of the line of a file."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _value(plan: "Plan") -> "JSON":
    return {
        "type": plan.claim.kind.value,
        "name": plan.claim.name,
        "path": plan.claim.path,
        "digest": None,
        "diffId": None,
        "mediaType": plan.media_type,
        "size": plan.size,
        "files": plan.files,
        "new": None,
        "contents": [{"path": entry.name, "size": entry.size} for entry in plan.entries if not entry.is_directory],
    }
