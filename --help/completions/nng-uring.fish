# fish completion for nng-uring(1). Made by scripts/man.
complete -c nng-uring -n 'not __fish_seen_subcommand_from serve probe check' -l help -d 'what there is to type'
complete -c nng-uring -n 'not __fish_seen_subcommand_from serve probe check' -l version -d 'the version'
complete -c nng-uring -f -n 'not __fish_seen_subcommand_from serve probe check' -a serve -d 'serve files over HTTP'
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l listen -r
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l tls-cert -r
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l tls-key -r
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l tls-self-signed
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l tls-ca -r
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l tls-verify
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l loops -r
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l head-timeout
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l idle-timeout
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l body-timeout
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l write-timeout
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l head-bytes
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l head-fields
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l drain-bytes
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l connections
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l linger-bytes
complete -c nng-uring -n '__fish_seen_subcommand_from serve' -l help
complete -c nng-uring -f -n 'not __fish_seen_subcommand_from serve probe check' -a probe -d 'say what this kernel\'s io_uring offers'
complete -c nng-uring -n '__fish_seen_subcommand_from probe' -l json
complete -c nng-uring -n '__fish_seen_subcommand_from probe' -l help
complete -c nng-uring -f -n 'not __fish_seen_subcommand_from serve probe check' -a check -d 'try out how this kernel\'s io_uring behaves'
complete -c nng-uring -n '__fish_seen_subcommand_from check' -l tap
complete -c nng-uring -n '__fish_seen_subcommand_from check' -l json
complete -c nng-uring -n '__fish_seen_subcommand_from check' -l junit -r
complete -c nng-uring -n '__fish_seen_subcommand_from check' -l list
complete -c nng-uring -n '__fish_seen_subcommand_from check' -l help
complete -c nng-uring -f -n '__fish_seen_subcommand_from check' -a '(nng-uring check --list 2>/dev/null | cut -d " " -f 1)'
