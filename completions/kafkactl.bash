_kafkactl_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" proposal
    COMPREPLY=()
    while IFS= read -r proposal; do
        # without proposals the answer is an empty line, and bash then completes files
        [[ -n $proposal ]] && COMPREPLY+=("$proposal")
    done < <(_KAFKACTL_COMPLETE=complete_bash _KAFKACTL_LINE="$line" kafkactl 2>/dev/null)
    # readline replaces only what follows the last : or = of the word
    local word="${line##* }"
    local kept="${word%"${word##*[:=]}"}"
    if [[ -n $kept ]]; then
        COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

complete -o default -F _kafkactl_completion kafkactl
