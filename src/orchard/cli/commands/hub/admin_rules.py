"""``orchard hub admin tag-rule``, ``retention`` and ``quota``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.commands.hub.admin_desk import at_desk, cell, cells, said
from orchard.cli.options import Command, Group
from orchard.cli.output import format_size, table
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.hub.registry import Decision, Plan, Quota, Retention, TagRule, Usage
    from orchard.oci import JSON


@click.group("tag-rule", cls=Group)
def tag_rule() -> None:
    """Rules that keep tags where they are."""


@tag_rule.command("list", cls=Command)
@click.argument("scope", metavar="SCOPE", default="*")
def list_tag_rules(scope: str) -> None:
    """List the rules that hold in a repository, a namespace or the whole hub (`*`), be they said there or further out.

    \b
    Example:
      orchard hub admin tag-rule list vision/resnet
    """
    with at_desk() as (desk, session):
        rows = [_tag_rule(rule) for rule in desk.rules.governed(scope).tag_rules()]
    text = table(("ID", "SCOPE", "KIND", "TAGS", "RULE"), cells(rows, "id", "scope", "kind", "pattern", "text"))
    session.printer.result(text, [*rows])


@tag_rule.command("add", cls=Command)
@click.argument("scope", metavar="SCOPE")
@click.argument("pattern", metavar="TAGS")
@click.option("--immutable", is_flag=True, help="Nobody moves or deletes such a tag once it is there.")
@click.option("--role", metavar="ROLE", help="Whoever has this role or a higher one may move it, nobody else.")
@click.option("--user", "users", metavar="NAME", multiple=True, help="This account may move it; may be given again.")
@click.option("--team", "teams", metavar="NAME", multiple=True, help="Members may move it; may be given again.")
def add_tag_rule(scope: str, pattern: str, *, immutable: bool, role: str | None, **movers: tuple[str, ...]) -> None:
    """Let a rule hold for tags: `v*`, `prod`, `v*,!v0.*`.

    \b
    Examples:
      orchard hub admin tag-rule add vision 'v*' --immutable
      orchard hub admin tag-rule add vision/resnet prod --role maintainer
    """
    from orchard.hub.registry import Kind, Movers

    if immutable == bool(role or any(movers.values())):
        raise UsageError("say --immutable, or who may move such tags: --role, --user, --team")
    who = Movers(role=role, users=movers["users"], teams=movers["teams"])
    with at_desk() as (desk, session):
        made = desk.rules.governed(scope).add_tag_rule(Kind.IMMUTABLE if immutable else Kind.PROTECTED, pattern, who)
        said(session, f"Rule {made.id}: {made}", _tag_rule(made))


@tag_rule.command("remove", cls=Command)
@click.argument("scope", metavar="SCOPE")
@click.argument("number", metavar="ID", type=int)
def remove_tag_rule(scope: str, number: int) -> None:
    """Let a rule hold no longer. It has to be named with the scope that it is said in.

    \b
    Example:
      orchard hub admin tag-rule remove vision 3
    """
    with at_desk() as (desk, session):
        gone = desk.rules.governed(scope).remove_tag_rule(number)
        said(session, f"Removed rule {number}: {gone}", _tag_rule(gone))


@click.group(cls=Group)
def retention() -> None:
    """What is kept of repositories; whatever no rule keeps goes to the trash."""


@retention.command("show", cls=Command)
@click.argument("scope", metavar="SCOPE", default="*")
def show_retention(scope: str) -> None:
    """Show what is kept in a repository, a namespace or the whole hub (`*`), and where that is said.

    \b
    Example:
      orchard hub admin retention show vision/resnet
    """
    with at_desk() as (desk, session):
        found = desk.rules.governed(scope).retention()
    session.printer.result(_retention_text(scope, found), _retention(found))


@retention.command("add", cls=Command)
@click.argument("scope", metavar="SCOPE")
@click.option("--tags", metavar="TAGS", help="Only versions with such tags: `v*`.")
@click.option("--last", metavar="N", type=int, help="The last N that were pushed.")
@click.option("--pushed", metavar="DAYS", type=float, help="What was pushed within so many days.")
@click.option("--pulled", metavar="DAYS", type=float, help="What was pulled within so many days.")
def add_retention(
    scope: str, *, tags: str | None, last: int | None, pushed: float | None, pulled: float | None
) -> None:
    """Keep versions for one more reason. Where a scope has reasons of its own, those of wider scopes do not count.

    \b
    Examples:
      orchard hub admin retention add vision --last 10
      orchard hub admin retention add vision --tags 'v*'
    """
    from orchard.hub.registry import KeepRule

    with at_desk() as (desk, session):
        governed = desk.rules.governed(scope)
        found = governed.retention()
        before = found.rules if found is not None and found.scope == scope else ()
        rule = KeepRule(tags=tags, last=last, pushed_days=pushed, pulled_days=pulled)
        governed.set_retention([*before, rule])
        after = governed.retention()
    said(session, _retention_text(scope, after), _retention(after))


@retention.command("clear", cls=Command)
@click.argument("scope", metavar="SCOPE")
def clear_retention(scope: str) -> None:
    """Leave it to wider scopes what is kept; where none says anything, everything is.

    \b
    Example:
      orchard hub admin retention clear vision
    """
    with at_desk() as (desk, session):
        governed = desk.rules.governed(scope)
        governed.set_retention(())
        after = governed.retention()
    said(session, _retention_text(scope, after), _retention(after))


@retention.command("plan", cls=Command)
@click.argument("name", metavar="REPOSITORY")
def plan_retention(name: str) -> None:
    """Say what would go from a repository now, and why everything else stays. Changes nothing.

    \b
    Example:
      orchard hub admin retention plan vision/resnet
    """
    with at_desk() as (desk, session):
        found = desk.rules.governed(name).plan()
    session.printer.result(_plan_text(found, "would go"), _plan(found))


@retention.command("run", cls=Command)
@click.argument("name", metavar="REPOSITORY")
@click.option("--mark", metavar="MARK", help="Of the plan that you agreed to: if anything else would go, nothing does.")
def run_retention(name: str, mark: str | None) -> None:
    """Put into the trash what no rule keeps in a repository.

    \b
    Example:
      orchard hub admin retention run vision/resnet
    """
    with at_desk() as (desk, session):
        done = desk.rules.retain(name, mark)
    said(session, _plan_text(done, "went to the trash"), _plan(done))


@click.group(cls=Group)
def quota() -> None:
    """How much namespaces may keep."""


@quota.command("show", cls=Command)
@click.argument("namespace", metavar="NAMESPACE")
def show_quota(namespace: str) -> None:
    """Show how much a namespace keeps, and how much it may; `*` is the quota of those that have none of their own.

    \b
    Example:
      orchard hub admin quota show vision
    """
    with at_desk() as (desk, session):
        found = desk.rules.allotment().get(namespace)
    session.printer.result(_quota_text(namespace, *found), _quota(*found))


@quota.command("set", cls=Command)
@click.argument("namespace", metavar="NAMESPACE")
@click.option("--bytes", "size", metavar="BYTES", type=int, help="Of blobs, each once, and of manifests.")
@click.option("--repositories", metavar="N", type=int, help="How many it may have.")
def set_quota(namespace: str, *, size: int | None, repositories: int | None) -> None:
    """Give a namespace a quota, or all that have none of their own (`*`); without options, take it away.

    \b
    Example:
      orchard hub admin quota set vision --bytes 500000000000
    """
    from orchard.hub.registry import Quota

    with at_desk() as (desk, session):
        allotment = desk.rules.allotment()
        allotment.set(namespace, None if size is None and repositories is None else Quota(size, repositories))
        found = allotment.get(namespace)
    said(session, _quota_text(namespace, *found), _quota(*found))


def _tag_rule(rule: "TagRule") -> "dict[str, JSON]":
    movers = rule.movers
    return {
        "id": rule.id,
        "scope": rule.scope,
        "kind": rule.kind.value,
        "pattern": rule.pattern.text,
        "role": movers.role,
        "users": [*movers.users],
        "teams": [*movers.teams],
        "text": str(rule),
    }


def _retention(found: "Retention | None") -> "dict[str, JSON]":
    rules: list[JSON] = [
        {
            "tags": rule.tags,
            "last": rule.last,
            "pushedDays": rule.pushed_days,
            "pulledDays": rule.pulled_days,
            "text": str(rule),
        }
        for rule in (() if found is None else found.rules)
    ]
    return {"scope": None if found is None else found.scope, "rules": rules}


def _retention_text(scope: str, found: "Retention | None") -> str:
    if found is None:
        return f"{scope}: nothing is said, so everything is kept"
    where = "" if found.scope == scope else f" (said of {found.scope})"
    return "\n".join((f"{scope}{where}:", *(f"  {rule}" for rule in found.rules)))


def _plan(plan: "Plan") -> "dict[str, JSON]":
    return {
        "scope": plan.scope,
        "mark": plan.mark,
        "goes": [_fate(one) for one in plan.goes],
        "stays": [_fate(one) for one in plan.stays],
    }


def _fate(one: "Decision") -> "dict[str, JSON]":
    return {"digest": str(one.digest), "tags": [*one.tags], "reasons": [*one.reasons]}


def _plan_text(plan: "Plan", what: str) -> str:
    lines = [[one.digest.short, cell([*one.tags]), "-"] for one in plan.goes]
    lines += [[one.digest.short, cell([*one.tags]), "; ".join(one.reasons)] for one in plan.stays]
    summary = f"{len(plan.goes)} {what}, {len(plan.stays)} stay; mark {plan.mark[:12]}"
    return "\n".join((table(("DIGEST", "TAGS", "STAYS BECAUSE"), lines), summary))


def _quota(usage: "Usage", found: "Quota | None") -> "dict[str, JSON]":
    return {
        "bytes": None if found is None else found.bytes,
        "repositories": None if found is None else found.repositories,
        "usedBytes": usage.bytes,
        "reservedBytes": usage.reserved,
        "usedRepositories": usage.repositories,
    }


def _quota_text(namespace: str, usage: "Usage", found: "Quota | None") -> str:
    most = None if found is None else found.bytes
    repositories = None if found is None else found.repositories
    return (
        f"{namespace}: {format_size(usage.bytes)} of {'any size' if most is None else format_size(most)}, "
        f"{usage.repositories} of {'any number of' if repositories is None else repositories} repositories"
    )
