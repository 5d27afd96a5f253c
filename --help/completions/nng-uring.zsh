#compdef nng-uring
# zsh completion for nng-uring(1). Made by scripts/man.
local -a commands
commands=(
    'serve:serve files over HTTP'
    'probe:say what this kernels io_uring offers'
    'check:try out how this kernels io_uring behaves'
)
if (( CURRENT == 2 )); then
    _describe command commands
    _arguments '--help' '--version'
else
    case $words[2] in
    serve) _arguments '--listen' '--tls-cert' '--tls-key' '--tls-self-signed' '--tls-ca' '--tls-verify' '--loops' '--head-timeout' '--idle-timeout' '--body-timeout' '--write-timeout' '--head-bytes' '--head-fields' '--drain-bytes' '--connections' '--linger-bytes' '--help' '*:file:_files' ;;
    probe) _arguments '--json' '--help' '*:file:_files' ;;
    check) _arguments '--tap' '--json' '--junit' '--list' '--help' '*:check:($(_call_program checks $words[1] check --list 2>/dev/null | cut -d" " -f1))' ;;
    esac
fi
