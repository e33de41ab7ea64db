function _kafkactl_completion
    set --local line (commandline --cut-at-cursor --current-process | string collect)
    set --local proposals (env _KAFKACTL_COMPLETE=complete_fish _KAFKACTL_LINE=$line kafkactl 2>/dev/null)
    if test -n "$proposals"
        printf '%s\n' $proposals
    else
        __fish_complete_path (commandline --current-token)
    end
end

complete --command kafkactl --no-files --arguments '(_kafkactl_completion)'
