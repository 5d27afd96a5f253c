# bash completion for nng-uring(1). Made by scripts/man.
_nng_uring()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'serve probe check --help --version' -- "$cur")
        return
    fi
    case ${COMP_WORDS[1]} in
    serve) words='--listen --tls-cert --tls-key --tls-self-signed --tls-ca --tls-verify --loops --head-timeout --idle-timeout --body-timeout --write-timeout --head-bytes --head-fields --drain-bytes --connections --linger-bytes --help' ;;
    probe) words='--json --help' ;;
    check) words='--tap --json --junit --list --help' ;;
    esac
    case ${COMP_WORDS[1]},$prev,$cur in
    *,-*,-*) ;;
    check,--junit,*)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    check,*,[!-]* | check,*,) words=$("$1" check --list 2>/dev/null | cut -d ' ' -f 1) ;;
    *,-*) ;;
    *)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _nng_uring nng-uring
