"""The scripts that connect bash, zsh and fish to our completion, and the answers that they read.

typer's own scripts send the words of the line as the shell split them. bash splits at `:` and `=`, and so breaks
`-b localhost:9092`. Our scripts send the whole line. The answer has one proposal in each line: the value, and for zsh
and fish a tab and its description.

`python -m kafkactl.cli.completion.shells DIRECTORY` writes the files of completions/.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from kafkactl.cli.frame import typer_internals

PROGRAM = "kafkactl"
COMPLETE_VARIABLE = "_KAFKACTL_COMPLETE"
LINE_VARIABLE = "_KAFKACTL_LINE"

BASH = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" proposal
    COMPREPLY=()
    while IFS= read -r proposal; do
        # without proposals the answer is an empty line, and bash then completes files
        [[ -n $proposal ]] && COMPREPLY+=("$proposal")
    done < <(%(autocomplete_var)s=complete_bash _KAFKACTL_LINE="$line" %(prog_name)s 2>/dev/null)
    # readline replaces only what follows the last : or = of the word
    local word="${line##* }"
    local kept="${word%%"${word##*[:=]}"}"
    if [[ -n $kept ]]; then
        COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

complete -o default -F %(complete_func)s %(prog_name)s
"""

ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local value help
    local -a finished open
    while IFS=$'\\t' read -r value help; do
        # A value with a colon and nothing behind it would be listed with a -- of its own.
        if [[ $value == *= ]]; then
            open+=("${value//:/\\\\:}${help:+:$help}")
        elif [[ -n $value ]]; then
            finished+=("${value//:/\\\\:}${help:+:$help}")
        fi
    done < <(%(autocomplete_var)s=complete_zsh _KAFKACTL_LINE="${(j: :)words[1,CURRENT]}" %(prog_name)s 2>/dev/null)
    if (( ${#finished} + ${#open} == 0 )); then
        _files
        return
    fi
    (( ${#finished} )) && _describe '%(prog_name)s' finished
    (( ${#open} )) && _describe '%(prog_name)s' open -S ''
}

# Autoloaded, this file is the function that zsh has just called; sourced, it only makes itself known.
if [[ ${funcstack[1]} == _%(prog_name)s ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

FISH = """\
function %(complete_func)s
    set --local line (commandline --cut-at-cursor --current-process | string collect)
    set --local proposals (env %(autocomplete_var)s=complete_fish _KAFKACTL_LINE=$line %(prog_name)s 2>/dev/null)
    if test -n "$proposals"
        printf '%%s\\n' $proposals
    else
        __fish_complete_path (commandline --current-token)
    end
end

complete --command %(prog_name)s --no-files --arguments '(%(complete_func)s)'
"""

_SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
_ZSH_LINE = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"
FILES = {"bash": f"{PROGRAM}.bash", "zsh": f"_{PROGRAM}", "fish": f"{PROGRAM}.fish"}


class LineAnswers:
    """Completion of the line up to the cursor. The answers are values alone (bash)."""

    def source_vars(self) -> dict[str, Any]:
        """Return an empty dict: typer does not fill our scripts in."""
        return {}

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the complete words after the program's name, and the incomplete last word, "" after a blank.

        The line is in the environment variable _KAFKACTL_LINE; without it the result is empty: ([], ""). Words are
        split as in a POSIX shell, or at blanks where a quotation or an escape is open.
        """
        import shlex

        line = os.environ.get(LINE_VARIABLE, "")
        try:
            words = shlex.split(line)
        except ValueError:  # an open quotation
            words = line.split()
        typed = words[1:]
        incomplete = typed.pop() if typed and not line[-1].isspace() else ""
        return typed, incomplete

    def format_completion(self, item: Any) -> str:
        """Return the line that bash reads for a proposal: its `value` alone, without a line end."""
        return str(item.value)


class DescribedAnswers(LineAnswers):
    """Completion whose answers have descriptions (zsh and fish)."""

    def format_completion(self, item: Any) -> str:
        """Return the line that zsh and fish read for a proposal, without a line end: VALUE, a tab, DESCRIPTION.

        Blanks and line ends in the description become single blanks. Without a description the tab is the last
        character.
        """
        return f"{item.value}\t{' '.join((item.help or '').split())}"


def install() -> None:
    """Replace typer's scripts and answers of bash, zsh and fish by ours.

    Where a release of typer has moved these parts, some or none are replaced, without an error.
    """
    answers = {"bash": LineAnswers, "zsh": DescribedAnswers, "fish": DescribedAnswers}
    typer_internals.replace_completion(_SCRIPTS, answers, _install_zsh)


def _install_zsh(*, prog_name: str, complete_var: str, shell: str) -> Path:
    """Write the script into ~/.zfunc, add one line to .zshrc unless it is there, and return the path of the script.

    Other lines of .zshrc stay unchanged; ZDOTDIR can name its folder. An existing script is replaced. `prog_name` and
    `complete_var` are not used. `shell` is bash, zsh or fish; KeyError is raised for any other name, when .zshrc is
    changed already, OSError where a file cannot be read or written, and RuntimeError where no home folder is known.
    """
    home = Path.home()
    settings = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
    text = settings.read_text(encoding="utf-8", errors="surrogateescape") if settings.is_file() else ""
    if _ZSH_LINE not in text.splitlines():
        settings.parent.mkdir(parents=True, exist_ok=True)
        with settings.open("a", encoding="utf-8") as file:
            file.write(f"{'' if not text or text.endswith(chr(10)) else chr(10)}{_ZSH_LINE}\n")
    path = home / ".zfunc" / FILES[shell]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(make_script(shell))
    return path


def make_script(shell: str) -> str:
    """Return the script of a shell, as it is in completions/, with a line end at its end.

    Raise KeyError for a shell other than bash, zsh and fish.
    """
    names = {"complete_func": f"_{PROGRAM}_completion", "prog_name": PROGRAM, "autocomplete_var": COMPLETE_VARIABLE}
    return f"{(_SCRIPTS[shell] % names).strip()}\n"


def write_files(directory: Path) -> None:
    """Write the script of each shell into a folder, which exists, under the name that the shell looks for.

    Present files are replaced. Raise OSError where a file cannot be written.
    """
    for shell, name in FILES.items():
        (directory / name).write_text(make_script(shell), encoding="utf-8")


if __name__ == "__main__":
    write_files(Path(sys.argv[1]))
