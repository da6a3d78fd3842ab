"""Completion of `run.py` for bash, made from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

TEMPLATE = """\
# Completion of run.py for bash. Load it in a shell with:  source <(python run.py completion)
# It completes `python run.py`, `./run.py` and the name {name}, for which an alias may stand:
#   alias {name}='python run.py'
_{name}_runs() {{ ls -d outputs/runs/[!.]*/ 2>/dev/null; }}
_{name}() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="${{COMP_WORDS[1]}}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=( $(compgen -W "{commands}" -- "$word") ); return
  fi
  case "$command ${{COMP_WORDS[2]}}" in
    {steps}) [ "$COMP_CWORD" -gt 2 ] && command="$command ${{COMP_WORDS[2]}}";;
  esac
  case "$command $before" in
{choices}
  esac
  case "$command" in
{options}
  esac
  COMPREPLY+=( $(compgen -f -- "$word") )
}}
_{name}_python() {{
  [[ "${{COMP_WORDS[1]}}" == *run.py && "$COMP_CWORD" -gt 1 ]] || return 1
  COMP_WORDS=("${{COMP_WORDS[@]:1}}"); COMP_CWORD=$((COMP_CWORD - 1)); _{name}
}}
complete -o filenames -F _{name} run.py ./run.py {name}
# A completion that python has already is left alone.
complete -p python >/dev/null 2>&1 || complete -o bashdefault -o default -F _{name}_python python
"""


def _steps(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The commands inside a command, such as `patents classify`."""
    nested = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return nested[0].choices if nested else {}


def bash(parsers: dict[str, argparse.ArgumentParser], shipped: Mapping[str, Iterable[str]], name: str) -> str:
    """The script. parsers: by command; shipped: names for an argument, by what help calls it, with or without its
    command before."""
    choices, options = [], []
    steps = {
        f"{command} {step}": parser
        for command, whole in parsers.items()
        for step, parser in _steps(whole).items()
    }
    for command, parser in (parsers | steps).items():
        flags: list[str] = []
        words = ""
        for action in parser._actions:
            flags += action.option_strings
            wanted = str(action.metavar)
            known = action.choices or shipped.get(f"{command} {wanted}", shipped.get(wanted, ()))
            values = " ".join([*map(str, known), *([f"$(_{name}_runs)"] if wanted == "RUN" else [])])
            if action.option_strings and values:
                choices += [f'    "{command} {flag}") COMPREPLY=( $(compgen -W "{values}" -- "$word") ); return;;'
                            for flag in action.option_strings]  # fmt: skip
            elif values:
                words = f" {values}"
        listed = " ".join(flags) + words
        options.append(f'    "{command}") COMPREPLY=( $(compgen -W "{listed}" -- "$word") );;')
    return TEMPLATE.format(
        name=name,
        commands=" ".join(parsers),
        steps="|".join(f'"{step}"' for step in steps) or '""',
        choices="\n".join(choices) or '    "") ;;',
        options="\n".join(options),
    )
