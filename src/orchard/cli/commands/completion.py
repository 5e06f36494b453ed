"""``orchard completion``."""

import click

from orchard.cli.options import Command, current_session


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and local references in a shell.

    \b
    Examples:
      eval "$(orchard completion bash)"
      orchard completion fish > ~/.config/fish/completions/orchard.fish
    """
    from orchard.cli.completing import get_completion_class

    root = context.find_root()
    name = root.info_name or "orchard"
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(root.command, {}, name, f"_{name.upper()}_COMPLETE").source()
    current_session().printer.result(script.rstrip("\n"), {"shell": shell, "script": script})
