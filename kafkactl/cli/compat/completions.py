"""Completion of the launchers for bash, zsh and fish: files to source, which ask kafkactl as its own completion does.

Each script gives kafkactl the line as if it began with `kafkactl NAME`, with the name of the tool without its folder.
Without proposals the shell completes files.
"""

from __future__ import annotations

_BASH = """\
%(marker)s
# bash: source this file. It completes the options of Kafka's tools, topics, groups and settings for the launchers.
_kafkactl_tools_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" tool="${1##*/}" proposal
    COMPREPLY=()
    line="kafkactl ${tool%%.sh} ${line#*"$tool"[[:blank:]]}"
    while IFS= read -r proposal; do
        # without proposals the answer is an empty line, and bash then completes files
        [[ -n $proposal ]] && COMPREPLY+=("$proposal")
    done < <(_KAFKACTL_COMPLETE=complete_bash _KAFKACTL_LINE="$line" %(python)s -P -m kafkactl 2>/dev/null)
    # readline replaces only what follows the last : or = of the word
    local word="${line##* }"
    local kept="${word%%"${word##*[:=]}"}"
    if [[ -n $kept ]]; then
        COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o default -F _kafkactl_tools_completion %(names)s
"""

_ZSH = """\
%(marker)s
# zsh: source this file after compinit. It completes options, topics, groups and settings for the launchers.
_kafkactl_tools_completion() {
    local value help tool="${${words[1]:t}%%.sh}"
    local -a finished open rest
    rest=("${(@)words[2,CURRENT]}")
    while IFS=$'\\t' read -r value help; do
        # A value with a colon and nothing behind it would be listed with a -- of its own.
        if [[ $value == *= ]]; then
            open+=("${value//:/\\\\:}${help:+:$help}")
        elif [[ -n $value ]]; then
            finished+=("${value//:/\\\\:}${help:+:$help}")
        fi
    done < <(_KAFKACTL_COMPLETE=complete_zsh _KAFKACTL_LINE="kafkactl $tool ${(j: :)rest}" %(python)s -P -m kafkactl \\
        2>/dev/null)
    if (( ${#finished} + ${#open} == 0 )); then
        _files
        return
    fi
    (( ${#finished} )) && _describe "$tool" finished
    (( ${#open} )) && _describe "$tool" open -S ''
}

compdef _kafkactl_tools_completion %(names)s
"""

_FISH = """\
%(marker)s
# fish: source this file. It completes options, topics, groups and settings for the launchers.
function _kafkactl_tools_completion
    set --local line (commandline --cut-at-cursor --current-process | string collect)
    set --local words (string split --max 1 -- ' ' (string trim --left -- $line))
    set --local tool (string replace --regex '\\.sh$' '' -- (string replace --regex '^.*/' '' -- $words[1]))
    set --local asked "kafkactl $tool $words[2]"
    set --local proposals (env _KAFKACTL_COMPLETE=complete_fish _KAFKACTL_LINE=$asked %(python)s -P -m kafkactl \\
        2>/dev/null)
    if test -n "$proposals"
        printf '%%s\\n' $proposals
    else
        __fish_complete_path (commandline --current-token)
    end
end

for name in %(names)s
    complete --command $name --no-files --arguments '(_kafkactl_tools_completion)'
end
"""

COMPLETIONS = {
    "kafka-tools.completion.bash": _BASH,
    "kafka-tools.completion.fish": _FISH,
    "kafka-tools.completion.zsh": _ZSH,
}
"""Names of the files, and their texts with %(marker)s, %(python)s and %(names)s."""
