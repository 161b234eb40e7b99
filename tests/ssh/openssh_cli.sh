#!/bin/sh
# A command line of no array, behind a real sshd: by exec (unless EXEC=no), or as a shell with a prompt.
answer() {
    case "$1" in
        greet) echo "far end 1" ;;
        whoami) echo "you are session $PPID" ;;
        "say "*) echo "${1#say }" ;;
        silent) ;;
        fail) echo titles; echo "no such thing" >&2; return 3 ;;
        ask) if read -r reply; then echo "got $reply"; else echo aborted; fi ;;
        trickle)
            text="one byte after the other cli% and on"
            while [ -n "$text" ]; do
                rest=${text#?}
                printf %s "${text%"$rest"}"
                text=$rest
            done
            echo ;;
        never) exec sleep 1000 ;;
        *) echo "unknown: $1" >&2; return 1 ;;
    esac
}

if [ -n "$SSH_ORIGINAL_COMMAND" ]; then
    [ "$EXEC" = no ] && exit 0
    answer "$SSH_ORIGINAL_COMMAND"
    exit $?
fi
while printf 'real-1 cli%% ' && read -r line; do
    [ -z "$line" ] || answer "$line"
done
